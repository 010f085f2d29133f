/*
 * Two verdicts are the same when nobody would notice: accepted, warned of,
 * held, refused for now or for good.  What mode = monitor spares everybody is
 * taken as if it was not spared, or nothing would be found out in it.
 */
#include "milter/session/beside.h"
#include "milter/session/session.h"

void
beside_reset(struct beside *b)
{
	b->state = RECORD_PLAN_NONE;
	b->id = 0;
	b->canary = b->awaits = false;
	b->refused_rcpts = 0;
}

struct asking {
	struct session *session;
	const struct question *question;
	const struct announcement *before;
	int64_t now_us;
	struct verdict *answer, *other;
	bool good;
};

/* At MAIL the plan is noted; a recipient is judged by no other one. */
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

/* Asked anew where commits overtook it: that time alone counts. */
static void
ask_plan(void *arg, struct store_reader *reader)
{
	struct asking *a = arg;
	struct message *m = a->session->message;
	struct verdict *verdict;
	struct plan plan;

	announce_take_back(&m->announcements, a->before);
	a->good = plan_read(reader, &plan) == LOOKUP_FOUND &&
	    is_plan_of(&m->beside, a->question, &plan) &&
	    announce_look_plan(&a->session->daemon->announce, reader, &plan,
	    a->now_us, &m->announcements);
	verdict = m->beside.canary ? a->answer : a->other;
	if (!a->good)
		return;
	eval_session(a->question, reader, NULL, verdict);
	for (unsigned i = 0; i < verdict->nresults; i++)
		a->good &= !verdict->results[i].lookup_failed;
}

static void
note_end(struct session *s, int64_t now_us)
{
	struct message *m = s->message;

	if (!announce_look_end(&s->daemon->announce, now_us,
	    &m->announcements))
		m->unannounced = true;
}

bool
beside_ask(struct session *s, const struct question *question, int64_t now_us,
    struct verdict *answer, struct verdict *other)
{
	struct shadow *plan = &s->daemon->shadow;
	struct beside *b = &s->message->beside;
	struct question silent = *question;
	struct asking a = { s, &silent, s->message->announcements, now_us,
		answer, other, false };
	struct fault why;

	silent.trace = NULL;
	if (question->scope != EVAL_MAIL && b->state != RECORD_PLAN_SAME)
		return false;
	if (shadow_is_on(plan) &&
	    store_holder_ask(&plan->holder, ask_plan, &a, &why) && a.good) {
		b->state = RECORD_PLAN_SAME;
		return b->canary;
	}
	b->canary = false;
	if (shadow_is_on(plan) || question->scope != EVAL_MAIL)
		b->state = RECORD_PLAN_UNJUDGED;
	else
		note_end(s, now_us);
	return false;
}

void
beside_give_up(struct message *m)
{
	m->beside.canary = false;
	m->beside.state = RECORD_PLAN_UNJUDGED;
}

static struct beside_outcome
outcome_of(const struct verdict *v)
{
	struct beside_outcome o = { .kind = v->kind, .would = v->kind,
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
severity(const struct beside_outcome *o)
{
	return o->waiver == WAIVER_MONITOR ?
	    verdict_severity(o->would, WAIVER_NONE) :
	    verdict_severity(o->kind, o->waiver);
}

static bool
refuses(const struct beside_outcome *o)
{
	return verdict_refuses(o->waiver == WAIVER_MONITOR ? o->would :
	    o->kind);
}

void
beside_take_mail(struct message *m)
{
	struct beside *b = &m->beside;

	if (b->state != RECORD_PLAN_SAME)
		return;
	b->answer = outcome_of(&m->verdict);
	b->other = b->other_mail = outcome_of(&b->mail);
}

/* Copies: the next recipient's verdict overwrites this one's. */
static bool
keep_graver(struct arena *memory, struct beside_outcome *most,
    const struct verdict *v)
{
	struct beside_outcome o = outcome_of(v);

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
	struct beside_outcome other;

	if (b->state != RECORD_PLAN_SAME)
		return;
	other = outcome_of(&b->later);
	b->refused_rcpts += refuses(&other);
	if (!keep_graver(&m->facts.memory, &b->answer, &m->later) ||
	    !keep_graver(&m->facts.memory, &b->other, &b->later))
		b->state = RECORD_PLAN_UNJUDGED;
}

void
beside_take_header(struct message *m, bool seen)
{
	struct beside *b = &m->beside;

	if (b->state != RECORD_PLAN_SAME)
		return;
	/* The plan has TLS_Header rules, for which the header was not shown. */
	if (!seen && b->later.nresults > 0)
		b->state = RECORD_PLAN_UNJUDGED;
	else if (!keep_graver(&m->facts.memory, &b->answer, &m->later) ||
	    !keep_graver(&m->facts.memory, &b->other, &b->later))
		b->state = RECORD_PLAN_UNJUDGED;
}

static void
tell(const struct beside *b, const struct beside_outcome *answer,
    const struct beside_outcome *other, struct record_plan *p)
{
	*p = (struct record_plan){ .result = b->state, .id = b->id,
		.answered = b->canary };
	if (b->state != RECORD_PLAN_SAME || severity(answer) == severity(other))
		return;
	p->result = RECORD_PLAN_DIFFERS;
	p->kind = other->kind;
	p->would = other->would;
	p->waiver = other->waiver;
	p->reason = other->reason;
	p->key = other->key;
	p->requirement = other->requirement;
}

void
beside_tell(const struct message *m, struct record_plan *p)
{
	const struct beside *b = &m->beside;

	tell(b, &b->answer, &b->other, p);
	p->refused_rcpts = b->refused_rcpts;
}

void
beside_tell_rcpt(const struct message *m, const struct verdict *v,
    struct record_plan *p)
{
	const struct beside *b = &m->beside;
	struct beside_outcome answer = outcome_of(v), other = b->other_mail;

	/* MAIL was judged at RCPT, when the feed's facts were there. */
	if (v != &m->verdict && b->state == RECORD_PLAN_SAME) {
		struct beside_outcome at_rcpt = outcome_of(&b->later);

		if (severity(&at_rcpt) > severity(&other))
			other = at_rcpt;
	}
	tell(b, &answer, &other, p);
}
