/*
 * The key comes from an MTA, which has it from the recipient's address: it is
 * escaped like everything from outside.
 */
#include "policy/audit/record-internal.h"

/* What is put down, for whom; `personal`: the question names a mailbox. */
struct put {
	struct jsonput out;
	struct person_hiding *hiding;
	bool personal;
};

#undef PUT
#define PUT(p, literal) JSONPUT_LITERAL(&(p)->out, literal)

static bool
names_mailbox(struct slice s)
{
	return slice_find(s, '@') < s.n;
}

/* sendmail's question may name a mailbox: "TLS_Rcpt:user@example.com". */
static void
put_query(struct put *p, struct slice query)
{
	struct slice tag, what;

	(void)person_of_key(query, &tag, &what);
	if (!p->personal) {
		jsonput_string(&p->out, query);
		return;
	}
	if (!names_mailbox(what)) {
		tag = slice_make("", 0);
		what = query;
	}
	person_put(p->hiding, &p->out, tag, PERSON_MAILBOX, what, what);
}

/*
 * An answer may hold words of a rule, or of another resolver, about a person.
 */
static void
put_text(struct put *p, const char *before, struct slice text)
{
	if (p->hiding != NULL && text.n > 0 &&
	    (p->personal || names_mailbox(text))) {
		person_put(p->hiding, &p->out, slice_of(before), PERSON_TEXT,
		    text, slice_make("", 0));
		return;
	}
	PUT(p, "\"");
	jsonput_chars(&p->out, slice_of(before));
	jsonput_chars(&p->out, text);
	PUT(p, "\"");
}

static void
put_text_or_null(struct put *p, const struct text *text)
{
	if (text->n > 0)
		put_text(p, "", slice_make(text->buf, text->n));
	else
		PUT(p, "null");
}

static void
put_rule(struct put *p, const struct outbound_rule *r)
{
	bool hidden = false;

	PUT(p, "{\"tag\":");
	jsonput_string(&p->out, slice_of(tag_row(r->tag)->name));
	if (p->hiding != NULL)
		hidden = line_rule(&p->out, p->hiding, false, r->key,
		    r->requirement, (uint32_t)r->line);
	if (!hidden) {
		PUT(p, ",\"key\":");
		jsonput_string(&p->out, r->key);
		PUT(p, ",\"requirement\":");
		jsonput_string(&p->out, r->requirement);
	}
	PUT(p, ",\"file\":");
	jsonput_string(&p->out, r->file);
	PUT(p, ",\"line\":");
	jsonput_number(&p->out, hidden ? 0 : r->line);
	PUT(p, "}");
}

static void
put_rules(struct put *p, const struct outbound_answer *a)
{
	PUT(p, ",\"rules\":[");
	for (unsigned i = 0; i < a->nrules; i++) {
		if (i > 0)
			PUT(p, ",");
		put_rule(p, &a->rules[i]);
	}
	PUT(p, "]");
}

static void
put_answer(struct put *p, const struct outbound_answer *a)
{
	PUT(p, ",\"answer\":");
	put_text(p, a->defer ? "TEMP " : "", slice_make(a->value.buf,
	    a->value.n));
	PUT(p, ",\"result\":");
	jsonput_string(&p->out, slice_of(outbound_result_name(a->result)));
	PUT(p, ",\"inexpressible\":");
	put_text_or_null(p, &a->lost);
	PUT(p, ",\"warned\":");
	put_text_or_null(p, &a->warned);
}

static void
put_resolved(struct put *p, const struct resolved *r)
{
	PUT(p, ",\"resolver\":");
	if (r == NULL)
		PUT(p, "null");
	else
		put_text(p, "", r->kind == RESOLVED_FAILED ?
		    slice_of(r->why) : r->reply);
}

bool
record_format_outbound(const struct record_outbound *r, struct text *out)
{
	struct put put = { .hiding = r->hiding, .personal = r->hiding != NULL &&
		names_mailbox(r->question->key) }, *p = &put;

	jsonput_start(&p->out, out);
	PUT(p, CHAIN_START "\"outbound\",\"time\":");
	jsonput_time(&p->out, r->time_us);
	PUT(p, ",\"generation\":");
	jsonput_number(&p->out, r->answer->generation);
	PUT(p, ",\"policy\":");
	jsonput_string_or_null(&p->out, slice_of(r->answer->policy));
	if (r->hiding != NULL)
		line_privacy(&p->out, r->hiding);
	PUT(p, ",\"map\":");
	jsonput_string(&p->out, slice_of(outbound_map_name(r->question->map)));
	PUT(p, ",\"query\":");
	put_query(p, r->question->key);
	put_answer(p, r->answer);
	put_resolved(p, r->question->resolved);
	put_rules(p, r->answer);
	PUT(p, ",\"mode\":");
	jsonput_string(&p->out, slice_of(r->answer->waived ? "monitor" :
	    "enforce"));
	PUT(p, "}");
	return jsonput_finish(&p->out) &&
	    (r->hiding == NULL || !r->hiding->failed);
}
