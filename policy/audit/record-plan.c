/*
 * The plan's words in a record, and the lines that say when it began and ended.
 * A record of a message that a plan's policy was not asked about says so: who
 * counts must not take it for agreement.
 */
#include "policy/audit/record-internal.h"
#include "policy/audit/record-plan.h"

static const char *const results[RECORD_PLAN_COUNT] = {
	[RECORD_PLAN_NONE] = "",
	[RECORD_PLAN_SAME] = "same",
	[RECORD_PLAN_DIFFERS] = "differs",
	[RECORD_PLAN_UNJUDGED] = "not-judged",
	[RECORD_PLAN_BEGUN] = "begun",
	[RECORD_PLAN_ENDED] = "ended",
};

const char *
record_plan_result(enum record_plan_result result)
{
	return results[result];
}

static void
put_id(struct jsonput *j, uint64_t id)
{
	char hex[PLAN_ID_DIGITS + 1];
	struct text text;

	if (id == 0) {
		JSONPUT_LITERAL(j, "null");
		return;
	}
	text_init(&text, hex, sizeof hex);
	plan_print_id(id, &text);
	jsonput_string(j, slice_of(hex));
}

/* The plan's rule, hidden like any other: its key may be a mailbox. */
static void
put_rule(struct record *r, const struct record_plan *p)
{
	if (r->hiding != NULL && line_rule(&r->out, r->hiding,
	    r->certificate, p->key, p->requirement, 0))
		return;
	PUT(r, ",\"key\":");
	line_slice(r, p->key);
	PUT(r, ",\"requirement\":");
	line_slice(r, p->requirement);
}

static void
put_other_verdict(struct record *r, const struct record_plan *p)
{
	PUT(r, ",\"verdict\":");
	line_word(r, verdict_name(p->kind));
	PUT(r, ",\"waiver\":");
	line_word(r, waiver_name(p->waiver));
	if (p->waiver != WAIVER_NONE) {
		PUT(r, ",\"would\":");
		line_word(r, verdict_name(p->would));
	}
	PUT(r, ",\"reason\":");
	line_word(r, p->reason == REASON_NONE ? NULL : reason_name(p->reason));
	put_rule(r, p);
	PUT(r, ",\"refused_rcpts\":");
	jsonput_number(&r->out, p->refused_rcpts);
}

void
line_plan(struct record *r)
{
	const struct record_plan *p = r->plan;

	PUT(r, ",\"plan\":{\"id\":");
	put_id(&r->out, p->id);
	PUT(r, ",\"result\":");
	line_word(r, results[p->result]);
	if (p->answered)
		PUT(r, ",\"answered\":true");
	if (p->result == RECORD_PLAN_DIFFERS)
		put_other_verdict(r, p);
	PUT(r, "}");
}

static void
put_time_or_null(struct jsonput *j, int64_t seconds)
{
	if (seconds == 0)
		JSONPUT_LITERAL(j, "null");
	else
		jsonput_time(j, seconds * INT64_C(1000000));
}

static void
put_plan(struct jsonput *j, const struct plan *plan,
    const struct generation *g)
{
	JSONPUT_LITERAL(j, ",\"made\":");
	put_time_or_null(j, plan->started);
	JSONPUT_LITERAL(j, ",\"days\":");
	jsonput_number(j, plan->days);
	JSONPUT_LITERAL(j, ",\"budget\":");
	jsonput_number(j, plan->budget);
	JSONPUT_LITERAL(j, ",\"canary\":");
	jsonput_number(j, plan->canary);
	JSONPUT_LITERAL(j, ",\"due\":");
	put_time_or_null(j, plan->due);
	JSONPUT_LITERAL(j, ",\"base_sha256\":");
	jsonput_hex(j, slice_make((const char *)plan->base, DIGEST_BYTES));
	if (g == NULL)
		return;
	JSONPUT_LITERAL(j, ",\"uid\":");
	jsonput_number(j, g->uid);
	JSONPUT_LITERAL(j, ",\"login\":");
	jsonput_string_or_null(j, g->login);
	JSONPUT_LITERAL(j, ",\"host\":");
	jsonput_string_or_null(j, g->host);
	JSONPUT_LITERAL(j, ",\"message\":");
	jsonput_string_or_null(j, g->message);
	JSONPUT_LITERAL(j, ",\"rules\":");
	jsonput_number(j, g->rules);
	JSONPUT_LITERAL(j, ",\"rules_sha256\":");
	jsonput_hex(j, slice_make((const char *)g->rules_digest, DIGEST_BYTES));
}

bool
record_plan_format(enum record_plan_result result, uint64_t id,
    const struct plan *plan, const struct generation *g, int64_t time_us,
    struct text *out)
{
	struct jsonput put, *j = &put;

	jsonput_start(j, out);
	JSONPUT_LITERAL(j, CHAIN_START "\"plan\",\"time\":");
	jsonput_time(j, time_us);
	JSONPUT_LITERAL(j, ",\"plan\":{\"id\":");
	put_id(j, id);
	JSONPUT_LITERAL(j, ",\"result\":");
	jsonput_string(j, slice_of(results[result]));
	if (plan != NULL)
		put_plan(j, plan, g);
	JSONPUT_LITERAL(j, "}}");
	return jsonput_finish(j);
}
