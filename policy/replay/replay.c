/*
 * The daemon judges at MAIL, at each RCPT that follows and at the end of the
 * header; so is it done here.
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

/* The reader of the generation that judged this recipient, with `reader_of`. */
static struct store_reader *
reader_for(struct replay *p, const struct reader_record *r, size_t rcpt)
{
	if (p->reader_of == NULL || r->rcpts_generation == NULL)
		return p->reader;
	return p->reader_of(p, r, r->rcpts_generation[rcpt]);
}

/* False: out of memory. */
static bool
set_rcpt(struct reader_record *r, size_t i)
{
	bool whole = facts_set(&r->facts, FACT_RCPT_ADDR, r->rcpts[i], false);

	facts_set_state(&r->facts, FACT_RCPT_RESOLVED, FACT_NOT_TOLD);
	if (whole && r->resolved != NULL && r->resolved[i].n > 0)
		whole = facts_set(&r->facts, FACT_RCPT_RESOLVED,
		    r->resolved[i], false);
	return whole;
}

static bool
judge_rcpts(struct replay *p, struct reader_record *r, struct question *q)
{
	bool whole = true;
	int spare = 0;

	q->scope = EVAL_RCPT;
	for (size_t i = 0; whole && i < r->nrcpts; i++) {
		struct verdict *v = &p->rcpts[spare];

		q->reader = reader_for(p, r, i);
		p->unknown |= q->reader == NULL;
		whole = set_rcpt(r, i);
		if (!whole || q->reader == NULL)
			continue;
		eval_session(q, v);
		p->rcpts_refused += is_refusal(outcome_of(v->kind, v->waiver));
		take(p, v, r->rcpts[i]);
		if (p->verdict == v)
			spare = !spare;
	}
	facts_set_state(&r->facts, FACT_RCPT_ADDR, FACT_ABSENT);
	facts_set_state(&r->facts, FACT_RCPT_RESOLVED, FACT_NOT_TOLD);
	return whole;
}

/* The whole message is refused, or none of it. */
static void
judge_header(struct replay *p, struct reader_record *r, struct question *q)
{
	q->reader = p->reader;
	if (!facts_known(&r->facts, FACT_HEADER_FROM)) {
		p->header_missing = r->event == RECORD_MESSAGE &&
		    q->options->judge_header &&
		    store_has_tag(q->reader, TAG_HEADER);
		p->unknown |= p->header_missing && p->prepare != NULL;
		return;
	}
	if (p->reader_of != NULL && r->header_generation != 0)
		q->reader = p->reader_of(p, r, r->header_generation);
	p->unknown |= q->reader == NULL;
	if (q->reader == NULL)
		return;
	q->scope = EVAL_HEADER;
	eval_session(q, &p->header);
	if (is_refusal(outcome_of(p->header.kind, p->header.waiver)))
		p->rcpts_refused = r->nrcpts;
	take(p, &p->header, slice_make("", 0));
}

bool
replay_judge(struct replay *p, struct reader_record *r)
{
	bool at_rcpt = p->prepare != NULL && r->event == RECORD_REFUSED_RCPT;
	struct eval_options options;
	struct question q = { .scope = EVAL_MAIL, .facts = &r->facts,
		.options = &options, .untold = !facts_arrived(&r->facts),
		.now = r->time_us / 1000000, .trace = p->trace };

	p->verdict = NULL;
	p->rule = NULL;
	p->rcpts_refused = 0;
	p->header_missing = false;
	p->outcome = OUTCOME_ACCEPTED;
	p->unknown = p->prepare != NULL && !p->prepare(p, r);
	if (p->unknown)
		return true;
	q.exempt = p->own_exempt == NULL ? r->exempt :
	    settings_exempt(p->own_exempt, &r->facts);
	options = *p->options;
	if (!p->own_mode)
		options.monitor = r->monitor;
	if (!at_rcpt) {
		q.reader = p->reader;
		eval_session(&q, &p->mail);
		take(p, &p->mail, slice_make("", 0));
		if (is_refusal(p->outcome))
			return true;
	}
	if (!judge_rcpts(p, r, &q))
		return false;
	if (!at_rcpt)
		judge_header(p, r, &q);
	p->unknown |= p->verdict == NULL;
	return true;
}
