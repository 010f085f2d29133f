/*
 * Forged fields go from the last to the first, since each removal renumbers
 * those behind it, and all go before ours is put in front of them.
 */
#include "milter/session/header.h"

enum { VALUE_MAX = 12 * 1024, PIECE_MAX = 400 };

static const char field_name[] = "TLSPolicy-Result";

void
header_look(struct message *m, const char *name)
{
	if (slice_is_nocase(slice_trim(slice_of(name)), field_name))
		m->forged++;
}

static void
put_quoted(struct text *out, struct slice s)
{
	char buf[PIECE_MAX + 1];
	struct text plain;

	if (s.n > PIECE_MAX)
		s.n = PIECE_MAX;
	text_char(out, '"');
	text_init(&plain, buf, sizeof buf);
	text_put_printable(&plain, s);
	for (size_t i = 0; i < plain.n; i++) {
		if (buf[i] == '"' || buf[i] == '\\')
			text_char(out, '\\');
		text_char(out, buf[i]);
	}
	text_char(out, '"');
}

/* A word of the MTA's own; in quotes if it is none. */
static void
put_word(struct text *out, struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		int c = text_lower(s.p[i]);

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
		    c != '.' && c != '-' && c != '_') {
			put_quoted(out, s);
			return;
		}
	}
	text_put(out, s.n > PIECE_MAX ? slice_make(s.p, PIECE_MAX) : s);
}

static void
put_fact(struct text *out, const struct facts *facts, enum fact_id id,
    const char *separator, const char *name)
{
	if (!facts_filled(facts, id))
		return;
	text_printf(out, ";%s%s=", separator, name);
	put_word(out, facts_value(facts, id));
}

static void
put_session(struct text *out, const struct facts *facts)
{
	if (facts_in_clear(facts)) {
		text_puts(out, ";\n\ttls=none");
		return;
	}
	put_fact(out, facts, FACT_TLS_VERSION, "\n\t", "version");
	put_fact(out, facts, FACT_CIPHER, " ", "cipher");
	put_fact(out, facts, FACT_CIPHER_BITS, " ", "bits");
	text_puts(out, ";\n\tverify=");
	put_word(out, facts_verify_word(facts));
	if (facts_filled(facts, FACT_CN_SUBJECT)) {
		text_puts(out, "; cn=");
		put_quoted(out, facts_value(facts, FACT_CN_SUBJECT));
	}
}

/* The rules that had a say, in the order in which they were asked. */
static void
put_rules(struct text *out, const struct verdict *v)
{
	for (unsigned i = 0; i < v->nresults; i++) {
		if (!v->results[i].matched)
			continue;
		text_puts(out, ";\n\trule=");
		put_quoted(out, v->results[i].key);
	}
}

static void
compose(const struct message *m, struct text *out)
{
	const struct verdict *of_header = m->author.judged ? &m->later : NULL;
	const struct verdict *v = of_header != NULL && verdict_severity(
	    m->later.kind, m->later.waiver) > verdict_severity(
	    m->verdict.kind, m->verdict.waiver) ? of_header : &m->verdict;

	if (facts_filled(&m->facts, FACT_NODE))
		put_word(out, facts_value(&m->facts, FACT_NODE));
	else
		text_puts(out, "unknown");
	text_printf(out, "; verdict=%s", verdict_name(v->kind));
	if (v->waiver != WAIVER_NONE)
		text_printf(out, "; waiver=%s; reason=%s",
		    waiver_name(v->waiver), v->reply.nlines > 0 ?
		    reason_name(v->reply.reason) : "none");
	put_session(out, &m->facts);
	put_rules(out, &m->verdict);
	if (of_header != NULL)
		put_rules(out, of_header);
}

bool
header_put(SMFICTX *ctx, struct session *s)
{
	struct message *m = s->message;
	char memory[VALUE_MAX];
	struct text value;

	for (int i = m->forged; i > 0; i--)
		if (!engine_chgheader(ctx, field_name, i, NULL))
			return false;
	text_init(&value, memory, sizeof memory);
	compose(m, &value);
	return engine_insheader(ctx, 0, field_name, value.buf);
}
