/*
 * The key comes from an MTA, which has it from the recipient's address: it is
 * escaped like everything from outside.
 */
#include "policy/audit/jsonput.h"
#include "policy/audit/record.h"

#define PUT(j, literal) JSONPUT_LITERAL(j, literal)

static void
put_rules(struct jsonput *j, const struct outbound_answer *a)
{
	PUT(j, ",\"rules\":[");
	for (unsigned i = 0; i < a->nrules; i++) {
		const struct outbound_rule *rule = &a->rules[i];

		if (i > 0)
			PUT(j, ",");
		PUT(j, "{\"tag\":");
		jsonput_string(j, slice_of(tag_row(rule->tag)->name));
		PUT(j, ",\"key\":");
		jsonput_string(j, rule->key);
		PUT(j, ",\"requirement\":");
		jsonput_string(j, rule->requirement);
		PUT(j, ",\"file\":");
		jsonput_string(j, rule->file);
		PUT(j, ",\"line\":");
		jsonput_number(j, rule->line);
		PUT(j, "}");
	}
	PUT(j, "]");
}

static void
put_answer(struct jsonput *j, const struct outbound_answer *a)
{
	struct slice lost = slice_make(a->lost.buf, a->lost.n);

	PUT(j, ",\"answer\":\"");
	if (a->defer)
		PUT(j, "TEMP ");
	jsonput_chars(j, slice_make(a->value.buf, a->value.n));
	PUT(j, "\",\"result\":");
	jsonput_string(j, slice_of(outbound_result_name(a->result)));
	PUT(j, ",\"inexpressible\":");
	if (lost.n > 0)
		jsonput_string(j, lost);
	else
		PUT(j, "null");
	PUT(j, ",\"warned\":");
	if (a->warned.n > 0)
		jsonput_string(j, slice_make(a->warned.buf, a->warned.n));
	else
		PUT(j, "null");
}

static void
put_resolved(struct jsonput *j, const struct resolved *r)
{
	PUT(j, ",\"resolver\":");
	if (r == NULL)
		PUT(j, "null");
	else
		jsonput_string(j, r->kind == RESOLVED_FAILED ?
		    slice_of(r->why) : r->reply);
}

bool
record_format_outbound(const struct record_outbound *r, struct text *out)
{
	struct jsonput put, *j = &put;

	jsonput_start(j, out);
	PUT(j, CHAIN_START "\"outbound\",\"time\":");
	jsonput_time(j, r->time_us);
	PUT(j, ",\"generation\":");
	jsonput_number(j, r->answer->generation);
	PUT(j, ",\"map\":");
	jsonput_string(j, slice_of(outbound_map_name(r->question->map)));
	PUT(j, ",\"query\":");
	jsonput_string(j, r->question->key);
	put_answer(j, r->answer);
	put_resolved(j, r->question->resolved);
	put_rules(j, r->answer);
	PUT(j, ",\"mode\":");
	jsonput_string(j, slice_of(r->answer->waived ? "monitor" :
	    "enforce"));
	PUT(j, "}");
	return jsonput_finish(j);
}
