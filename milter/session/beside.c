/*
 * Two verdicts are the same when nobody would notice: accepted, warned of,
 * held, refused for now or for good.  What mode = monitor spares everybody is
 * taken as if it was not spared, or nothing would be found out in it.
 */
#include "milter/session/beside.h"
#include "milter/session/session.h"

/* The plan noted at MAIL judges the recipients, no other one. */
static bool
is_plan_of(struct beside *b, const struct question *q,
    const struct plan *plan)
{
	if (q->scope != EVAL_MAIL)
		return b->id == plan->id;
	b->id = plan->id;
	b->canary = plan_picks(plan, q->facts);
	return true;
}

/* False: the plan cannot be read, or its policy not be asked. */
static bool
judge(struct session *s, const struct question *question, int64_t now_us,
    struct verdict *answer, struct verdict *other)
{
	struct message *m = s->message;
	struct verdict *verdict;
	struct plan plan;
	bool good = true;

	if (plan_read(question->reader, &plan) != LOOKUP_FOUND ||
	    !is_plan_of(&m->beside, question, &plan) ||
	    !announce_look_plan(&s->daemon->announce, question->reader, &plan,
	    now_us, &m->announcements))
		return false;
	verdict = m->beside.canary ? answer : other;
	eval_session(question, verdict);
	for (unsigned i = 0; i < verdict->nresults; i++)
		good &= !verdict->results[i].lookup_failed;
	return good;
}

bool
beside_ask(struct session *s, const struct question *question, int64_t now_us,
    struct verdict *answer, struct verdict *other)
{
	struct store_holder *h = &s->daemon->plan;
	struct message *m = s->message;
	struct announcement *before = m->announcements;
	struct store_reader reader;
	struct question silent = *question;
	struct fault why;
	unsigned tries = 0;
	bool judged = false, good = false;

	silent.trace = NULL;
	silent.reader = &reader;
	while (!judged && store_holder_begin(h, &tries, &reader, &why)) {
		/* Announcements of a try that a commit overtook. */
		announce_take_back(&m->announcements, before);
		good = judge(s, &silent, now_us, answer, other);
		judged = store_holder_end(h, &reader);
	}
	m->beside.canary &= judged && good;
	m->beside.state = judged && good ? RECORD_PLAN_SAME :
	    RECORD_PLAN_UNJUDGED;
	return m->beside.canary;
}

void
beside_give_up(struct message *m)
{
	m->beside.canary = false;
	m->beside.state = RECORD_PLAN_UNJUDGED;
}

static struct record_plan
outcome_of(const struct verdict *v)
{
	struct record_plan o = { .kind = v->kind, .would = v->kind,
		.waiver = v->waiver, .reason = REASON_NONE };

	if (v->reply.nlines > 0) {
		o.would = v->reply.kind;
		o.reason = v->reply.reason;
	}
	if (v->deciding >= 0) {
		o.key = v->results[v->deciding].key;
		o.requirement = v->results[v->deciding].requirement;
	}
	return o;
}

static unsigned
severity(const struct record_plan *o)
{
	return o->waiver == WAIVER_MONITOR ?
	    verdict_severity(o->would, WAIVER_NONE) :
	    verdict_severity(o->kind, o->waiver);
}

static bool
refuses(const struct record_plan *o)
{
	return verdict_refuses(o->waiver == WAIVER_MONITOR ? o->would :
	    o->kind);
}

void
beside_take_mail(struct message *m)
{
	struct beside *b = &m->beside;

	b->answer = outcome_of(&m->verdict);
	b->other = b->other_mail = outcome_of(&b->mail);
}

/* Copies: the next recipient's verdict overwrites this one's. */
static bool
keep_graver(struct arena *memory, struct record_plan *most,
    const struct verdict *v)
{
	struct record_plan o = outcome_of(v);

	if (severity(&o) <= severity(most))
		return true;
	o.key = arena_copy(memory, o.key);
	o.requirement = arena_copy(memory, o.requirement);
	*most = o;
	return o.key.p != NULL && o.requirement.p != NULL;
}

void
beside_take_rcpt(struct message *m)
{
	struct beside *b = &m->beside;
	struct record_plan other = outcome_of(&b->later);

	b->refused_rcpts += refuses(&other);
	if (!keep_graver(&m->facts.memory, &b->answer, &m->later) ||
	    !keep_graver(&m->facts.memory, &b->other, &b->later))
		b->state = RECORD_PLAN_UNJUDGED;
}

void
beside_take_header(struct message *m, bool seen)
{
	struct beside *b = &m->beside;

	/* The plan has TLS_Header rules, for which the header was not shown. */
	if (!seen && b->later.nresults > 0)
		b->state = RECORD_PLAN_UNJUDGED;
	else if (!keep_graver(&m->facts.memory, &b->answer, &m->later) ||
	    !keep_graver(&m->facts.memory, &b->other, &b->later))
		b->state = RECORD_PLAN_UNJUDGED;
}

static struct record_plan *
compare(struct beside *b, const struct record_plan *answer,
    const struct record_plan *other, bool answered)
{
	struct record_plan *p = &b->told;
	bool differs = b->state == RECORD_PLAN_SAME &&
	    severity(answer) != severity(other);

	*p = differs ? *other : (struct record_plan){ .result = b->state };
	if (differs)
		p->result = RECORD_PLAN_DIFFERS;
	p->id = b->id;
	p->answered = answered;
	return p;
}

const struct record_plan *
beside_tell(struct message *m)
{
	struct beside *b = &m->beside;
	struct record_plan *p = compare(b, &b->answer, &b->other, b->answered);

	p->refused_rcpts = b->refused_rcpts;
	return p;
}

const struct record_plan *
beside_tell_rcpt(struct message *m, const struct verdict *v)
{
	struct beside *b = &m->beside;
	struct record_plan answer = outcome_of(v), other = b->other_mail;

	/* MAIL was judged at RCPT, when the feed's facts were there. */
	if (v != &m->verdict && b->state == RECORD_PLAN_SAME) {
		struct record_plan at_rcpt = outcome_of(&b->later);

		if (severity(&at_rcpt) > severity(&other))
			other = at_rcpt;
	}
	return compare(b, &answer, &other, b->canary);
}
