/*
 * The store is held for as long as the question takes and no longer: writing
 * the audit record, and what goes before it (announce.h), must not keep it.
 */
#include <string.h>

#include "milter/feed/feed.h"
#include "milter/log.h"
#include "milter/session/judge.h"
#include "policy/policy.h"

static void
trace_to_log(void *arg, const char *line)
{
	const struct session *s = arg;

	log_debug("session %llx: %s", (unsigned long long)s->number, line);
}

/* Judges MAIL as if there was no plan: what the plan said before is void. */
static void
forget_plan(struct session *s, int64_t now_us)
{
	struct message *m = s->message;

	m->beside.state = RECORD_PLAN_NONE;
	m->beside.id = 0;
	m->beside.canary = false;
	if (announce_knows_plan(&s->daemon->announce) &&
	    !announce_look_end(&s->daemon->announce, now_us,
	    &m->announcements))
		m->unannounced = true;
}

/*
 * True: a plan's policy is the one that answers.  See beside_ask().  A plan that
 * ends while it is asked about MAIL is over, not one that could not be asked.
 */
static bool
ask_plan(struct session *s, const struct question *question, int64_t now_us,
    struct verdict *verdict, struct verdict *other)
{
	struct store_holder *plan = &s->daemon->plan;
	struct beside *b = &s->message->beside;

	if (question->scope != EVAL_MAIL)
		return b->state == RECORD_PLAN_SAME && beside_ask(s, question,
		    now_us, verdict, other);
	if (store_holder_has_plan(plan) && (beside_ask(s, question, now_us,
	    verdict, other) || b->state == RECORD_PLAN_SAME ||
	    store_holder_has_plan(plan)))
		return b->canary;
	forget_plan(s, now_us);
	return false;
}

/* True: wants facts of the feed, and is to be judged again at RCPT. */
static bool
ask(struct session *s, enum eval_scope scope, bool fed_later, int64_t now_us,
    struct verdict *verdict, struct verdict *other)
{
	struct daemon *d = s->daemon;
	struct message *m = s->message;
	struct trace trace = { trace_to_log, s };
	struct store_reader reader;
	struct question question = {
		.scope = scope,
		.facts = &m->facts,
		.options = &m->settings->options,
		.exempt = m->exempt,
		.utf8 = s->utf8,
		.fed_later = fed_later,
		.untold = !facts_arrived(&m->facts),
		.now = now_us / 1000000,
		.trace = log_wants(LOG_LEVEL_DEBUG) ? &trace : NULL,
		.reader = &reader,
	};
	bool canary = ask_plan(s, &question, now_us, verdict, other);
	struct announcement *before = m->announcements;
	struct fault why;
	unsigned tries = 0;
	bool judged = false;

	while (!judged && store_holder_begin(&d->store, &tries, &reader,
	    &why)) {
		/* Announcements of a try that a commit overtook. */
		if (tries > 1)
			announce_take_back(&m->announcements, before);
		eval_session(&question, canary ? other : verdict);
		if (!announce_knows(&d->announce, &reader) &&
		    !announce_look(&d->announce, &reader,
		    facts_value(&m->facts, FACT_NODE), now_us,
		    &m->announcements))
			m->unannounced = true;
		judged = store_holder_end(&d->store, &reader);
	}
	if (!judged) {
		metrics_count(&d->metrics, COUNTER_STORE_ERRORS);
		question.reader = NULL;
		question.why = &why;
		eval_session(&question, verdict);
		if (canary)
			beside_give_up(m);
		canary = false;
	} else if (canary) {
		/* Judged by the plan; its record names the live generation. */
		verdict->generation = other->generation;
		memcpy(verdict->policy, other->policy, sizeof verdict->policy);
	}
	m->beside.canary = canary;
	m->beside.answered = canary || (scope != EVAL_MAIL &&
	    m->beside.answered);
	return fed_later && (verdict->unfed ||
	    (m->beside.state == RECORD_PLAN_SAME && other->unfed));
}

/* A MAIL that is judged again at RCPT is counted there. */
static void
count(struct session *s, bool awaits, const struct verdict *verdict)
{
	if (!awaits || verdict_refuses(verdict->kind))
		metrics_verdict(&s->daemon->metrics, verdict);
}

void
judge_mail(struct session *s)
{
	struct message *m = s->message;
	bool fed = s->daemon->feed != NULL && feed_tells(&m->facts);

	m->judged_us = clock_date_us();
	m->exempt = settings_exempt(&m->settings->settings, &m->facts);
	m->beside.awaits = ask(s, EVAL_MAIL, fed, m->judged_us, &m->verdict,
	    &m->beside.mail);
	count(s, m->beside.awaits, &m->verdict);
	m->awaits = fed && m->verdict.unfed;
	if (m->beside.state == RECORD_PLAN_SAME)
		beside_take_mail(m);
	metrics_session(&s->daemon->metrics, &m->facts);
}

void
judge_mail_late(struct session *s)
{
	struct message *m = s->message;

	m->beside.awaits = ask(s, EVAL_MAIL, false, m->judged_us, &m->verdict,
	    &m->beside.mail);
	if (m->beside.state == RECORD_PLAN_SAME)
		beside_take_mail(m);
}

void
judge_mail_counted(struct session *s)
{
	count(s, false, &s->message->verdict);
}

void
judge_rcpt(struct session *s, struct verdict *verdict)
{
	(void)ask(s, EVAL_RCPT, false, clock_date_us(), verdict,
	    &s->message->beside.later);
	count(s, false, verdict);
}

void
judge_header(struct session *s, struct verdict *verdict)
{
	(void)ask(s, EVAL_HEADER, false, clock_date_us(), verdict,
	    &s->message->beside.later);
}

static bool
could_not_tell(const struct verdict *v)
{
	for (unsigned i = 0; i < v->nresults; i++)
		if (!v->results[i].matched &&
		    v->results[i].answer == ANSWER_CANNOT_TELL)
			return true;
	return false;
}

void
judge_header_counted(struct session *s, const struct verdict *verdict)
{
	struct metrics *m = &s->daemon->metrics;

	count(s, false, verdict);
	if (could_not_tell(verdict))
		metrics_count(m, COUNTER_HEADER_UNREAD);
	if (verdict->unfed && s->daemon->feed != NULL)
		metrics_count(m, COUNTER_FEED_MISSED);
}
