/*
 * The store is held for as long as the question takes and no longer: writing
 * the audit record, and what goes before it (announce.h), must not keep it.
 */
#include "milter/clock.h"
#include "milter/log.h"
#include "milter/session/judge.h"

static void
trace_to_log(void *arg, const char *line)
{
	const struct session *s = arg;

	log_debug("session %llx: %s", (unsigned long long)s->number, line);
}

static void
ask(struct session *s, enum eval_scope scope, int64_t now_us,
    struct verdict *verdict)
{
	struct daemon *d = s->daemon;
	struct message *m = s->message;
	struct trace trace = { trace_to_log, s };
	struct question question = {
		.scope = scope,
		.facts = &m->facts,
		.options = &m->settings->options,
		.exempt = m->exempt,
		.utf8 = s->utf8,
		.untold = !facts_arrived(&m->facts),
		.now = now_us / 1000000,
		.trace = log_wants(LOG_LEVEL_DEBUG) ? &trace : NULL,
	};
	struct store_reader reader;
	struct fault why;

	if (store_holder_begin(&d->store, &reader, &why)) {
		eval_session(&question, &reader, NULL, verdict);
		if (!announce_look(&d->announce, &reader, now_us,
		    &m->announcements))
			m->unannounced = true;
		store_holder_end(&d->store, &reader);
	} else {
		metrics_count(&d->metrics, COUNTER_STORE_ERRORS);
		eval_session(&question, NULL, &why, verdict);
	}
	metrics_verdict(&d->metrics, verdict);
}

void
judge_mail(struct session *s)
{
	struct message *m = s->message;

	m->judged_us = clock_date_us();
	m->exempt = settings_exempt(&m->settings->settings, &m->facts);
	ask(s, EVAL_MAIL, m->judged_us, &m->verdict);
	metrics_session(&s->daemon->metrics, &m->facts);
}

void
judge_rcpt(struct session *s, struct verdict *verdict)
{
	ask(s, EVAL_RCPT, clock_date_us(), verdict);
}
