/*
 * The daemon judges at MAIL and at each RCPT that follows; so is it done here.
 * The reader of the store is the caller's, one for a whole run: all records
 * are judged by one generation.
 */
#include "policy/replay/replay.h"

static const char *const names[OUTCOME_COUNT] = {
	[OUTCOME_ACCEPTED] = "accepted",
	[OUTCOME_WARNED] = "warned",
	[OUTCOME_HELD] = "held",
	[OUTCOME_TEMPFAILED] = "tempfailed",
	[OUTCOME_REJECTED] = "rejected",
};

const char *
replay_outcome_name(enum replay_outcome outcome)
{
	return names[outcome];
}

static enum replay_outcome
outcome_of(enum verdict_kind kind, enum waiver waiver)
{
	switch (kind) {
	case VERDICT_TEMPFAIL:
		return OUTCOME_TEMPFAILED;
	case VERDICT_REJECT:
		return OUTCOME_REJECTED;
	case VERDICT_HOLD:
		return OUTCOME_HELD;
	default:
		return waiver == WAIVER_NONE ? OUTCOME_ACCEPTED :
		    OUTCOME_WARNED;
	}
}

enum replay_outcome
replay_recorded(const struct reader_record *r)
{
	return outcome_of(r->verdict, r->waiver);
}

static void
take(struct replay *p, const struct verdict *v, struct slice rcpt)
{
	enum replay_outcome outcome = outcome_of(v->kind, v->waiver);

	if (p->verdict != NULL && outcome <= p->outcome)
		return;
	p->outcome = outcome;
	p->verdict = v;
	p->rcpt = rcpt;
	p->rule = v->deciding >= 0 ? &v->results[v->deciding] : NULL;
}

static bool
is_refusal(enum replay_outcome outcome)
{
	return outcome == OUTCOME_TEMPFAILED || outcome == OUTCOME_REJECTED;
}

bool
replay_judge(struct replay *p, struct reader_record *r)
{
	struct eval_options options = *p->options;
	struct question q = { .scope = EVAL_MAIL, .facts = &r->facts,
		.options = &options, .exempt = p->own_exempt == NULL ?
		r->exempt : settings_exempt(p->own_exempt, &r->facts),
		.untold = !facts_arrived(&r->facts),
		.now = r->time_us / 1000000, .trace = p->trace };
	bool whole = true;
	int spare = 0;

	if (!p->own_mode)
		options.monitor = r->monitor;
	p->verdict = NULL;
	p->rcpts_refused = 0;
	eval_session(&q, p->reader, NULL, &p->mail);
	take(p, &p->mail, slice_make("", 0));
	q.scope = EVAL_RCPT;
	if (is_refusal(p->outcome))
		return true;
	for (size_t i = 0; i < r->nrcpts; i++) {
		struct verdict *v = &p->rcpts[spare];

		whole = facts_set(&r->facts, FACT_RCPT_ADDR, r->rcpts[i],
		    false);
		facts_set_state(&r->facts, FACT_RCPT_RESOLVED, FACT_NOT_TOLD);
		if (whole && r->resolved != NULL && r->resolved[i].n > 0)
			whole = facts_set(&r->facts, FACT_RCPT_RESOLVED,
			    r->resolved[i], false);
		if (!whole)
			break;
		eval_session(&q, p->reader, NULL, v);
		p->rcpts_refused += is_refusal(outcome_of(v->kind, v->waiver));
		take(p, v, r->rcpts[i]);
		if (p->verdict == v)
			spare = !spare;
	}
	facts_set_state(&r->facts, FACT_RCPT_ADDR, FACT_ABSENT);
	facts_set_state(&r->facts, FACT_RCPT_RESOLVED, FACT_NOT_TOLD);
	return whole;
}
