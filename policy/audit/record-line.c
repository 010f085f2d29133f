/*
 * A field can carry most facts, but not all to the byte: JSON knows no bytes
 * that are not UTF-8, and a decoded name does not always tell how the MTA
 * spelt it.  Such facts are noted on the way and put in "raw" at the end.
 */
#include "policy/audit/field.h"
#include "policy/audit/record-internal.h"

void
line_words(struct line *l, const char *words)
{
	jsonput_slice(&l->out, slice_of(words));
}

void
line_word(struct line *l, const char *word)
{
	if (word == NULL || *word == '\0') {
		PUT(l, "null");
		return;
	}
	PUT(l, "\"");
	line_words(l, word);
	PUT(l, "\"");
}

void
line_slice(struct line *l, struct slice s)
{
	jsonput_string_or_null(&l->out, s);
}

/* Would encoding `value` give `raw`?  See text_put_xencoded(). */
static bool
encodes_to(struct slice value, struct slice raw)
{
	static const char hex[] = "0123456789ABCDEF";
	size_t at = 0;

	for (size_t i = 0; i < value.n; i++) {
		unsigned char c = (unsigned char)value.p[i];

		if (field_plain_byte[c]) {
			if (at >= raw.n || raw.p[at++] != (char)c)
				return false;
			continue;
		}
		if (raw.n - at < 3 || raw.p[at] != '+' ||
		    raw.p[at + 1] != hex[c >> 4] || raw.p[at + 2] != hex[c & 15])
			return false;
		at += 3;
	}
	return at == raw.n;
}

static bool
raw_follows(const struct facts *facts, enum fact_id id)
{
	struct slice raw = facts_raw(facts, id), value = facts_value(facts, id);

	if (field_is_encoded(facts->dialect, id))
		return encodes_to(value, raw);
	return raw.p == value.p || slice_equal(raw, value);
}

/* Copied at a fixed length, which is faster than at the right one. */
static void
put_intro(struct line *l, const struct field *f)
{
	struct jsonput *j = &l->out;

	if (j->end - j->p < FIELD_INTRO_MAX) {
		jsonput_slice(j, slice_make(f->intro, f->intro_n));
		return;
	}
	memcpy(j->p, f->intro, FIELD_INTRO_MAX);
	j->p += f->intro_n;
}

static void
put_fact(struct line *l, const struct field *f)
{
	struct slice value = facts_value(l->record->facts, f->fact);
	bool faithful = raw_follows(l->record->facts, f->fact);

	if (line_hides(l, f))
		return;
	if (f->kind == FIELD_MAILBOX)
		value = line_mailbox(value);
	if (f->kind == FIELD_NUMBER && jsonput_is_number(value))
		jsonput_slice(&l->out, value);
	else
		faithful &= jsonput_string(&l->out, value);
	if (!faithful)
		l->raw |= UINT64_C(1) << f->fact;
}

static void
put_field(struct line *l, const struct field *f)
{
	switch (l->record->facts->fact[f->fact].state) {
	case FACT_NOT_TOLD:
		break;
	case FACT_ABSENT:
		put_intro(l, f);
		PUT(l, "null");
		break;
	case FACT_KNOWN:
		put_intro(l, f);
		put_fact(l, f);
		break;
	}
}

void
line_top_facts(struct line *l)
{
	const struct field *f = field_group(FIELD_TOP);

	for (; f->group == FIELD_TOP; f++)
		put_field(l, f);
}

/* A fact for which nothing is written: is it as it is when there is nothing? */
static void
check_unwritten(struct line *l, enum fact_id id)
{
	const struct facts *facts = l->record->facts;
	enum fact_state state = facts->fact[id].state;

	if (state != field_state_when_nothing(facts->dialect, id) ||
	    (state == FACT_KNOWN && !slice_is(facts_raw(facts, id), "NONE")))
		l->raw |= UINT64_C(1) << id;
}

static void
put_group(struct line *l, enum field_group group, bool null)
{
	const struct field *f = field_group(group);
	struct jsonput *out = &l->out;
	char *start;

	PUT(l, ",\"");
	line_words(l, field_group_name(group));
	PUT(l, "\":");
	if (null) {
		PUT(l, "null");
		for (; f->group == group; f++)
			check_unwritten(l, f->fact);
		return;
	}
	start = out->p;
	for (; f->group == group; f++)
		put_field(l, f);
	if (out->p == start)
		PUT(l, "{");
	else
		/* overwrites the comma that the first member brought */
		*start = '{';
	PUT(l, "}");
}

void
line_tls(struct line *l)
{
	const struct facts *facts = l->record->facts;

	if (facts_tls_told(facts))
		put_group(l, FIELD_TLS, facts_in_clear(facts));
}

void
line_facts(struct line *l)
{
	const struct facts *facts = l->record->facts;

	put_group(l, FIELD_CLIENT, false);
	put_group(l, FIELD_DAEMON, false);
	put_group(l, FIELD_AUTH, !facts_filled(facts, FACT_AUTH_AUTHEN) &&
	    !facts_filled(facts, FACT_AUTH_TYPE));
	line_tls(l);
	check_unwritten(l, FACT_SERVER_NAME);
	check_unwritten(l, FACT_SERVER_ADDR);
}

static void
put_raw_rcpts(struct line *l, bool resolved)
{
	const struct record *r = l->record;

	PUT(l, "[");
	for (size_t i = 0; i < r->nrcpts; i++) {
		if (i > 0)
			PUT(l, ",");
		jsonput_hex(&l->out, resolved ? r->rcpts[i].resolved :
		    line_mailbox(r->rcpts[i].address));
	}
	PUT(l, "]");
}

/* Hex for the bytes of a known fact, null for absent, false for not told. */
static void
put_raw_fact(struct line *l, enum fact_id id)
{
	const struct facts *facts = l->record->facts;
	const struct field *f = field_table();

	while (f->name != NULL && f->fact != id)
		f++;
	if (facts->fact[id].state == FACT_KNOWN && f->name != NULL &&
	    line_hides(l, f))
		return;
	if (facts->fact[id].state == FACT_KNOWN)
		jsonput_hex(&l->out, id == FACT_MAIL_ADDR ?
		    line_mailbox(facts_raw(facts, id)) : facts_raw(facts, id));
	else if (facts->fact[id].state == FACT_ABSENT)
		PUT(l, "null");
	else
		PUT(l, "false");
}

void
line_raw(struct line *l)
{
	bool first = true;

	if (l->raw == 0)
		return;
	PUT(l, ",\"raw\":{");
	for (int id = 0; id < FACT_COUNT; id++) {
		if ((l->raw >> id & 1) == 0)
			continue;
		if (!first)
			PUT(l, ",");
		first = false;
		PUT(l, "\"");
		line_words(l, fact_name((enum fact_id)id));
		PUT(l, "\":");
		if (id == FACT_RCPT_ADDR || id == FACT_RCPT_RESOLVED)
			put_raw_rcpts(l, id == FACT_RCPT_RESOLVED);
		else
			put_raw_fact(l, (enum fact_id)id);
	}
	PUT(l, "}");
}
