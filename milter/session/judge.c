/*
 * The store is held for as long as the question takes and no longer: writing
 * the audit record must not keep it.
 */
#include <string.h>

#include "milter/session/judge.h"
#include "milter/clock.h"
#include "milter/log.h"

int64_t
judge_clock(void)
{
	return clock_date_us();
}

static bool
is_loopback(const struct netaddr *a)
{
	static const uint8_t one[16] = { [15] = 1 };

	return a->family == 4 ? a->bytes[0] == 127 :
	    memcmp(a->bytes, one, sizeof one) == 0;
}

/*
 * Local submission, a session without a network client.  sendmail -bs tells
 * the address "0"; Postfix's sendmail(1) tells 127.0.0.1 and a listener with
 * port 0, which no connection has come in on.  ({client_port} would not do:
 * that is 0 as well for a client whose port a proxy did not tell.)
 *
 * Always something that is told: a session of which {client_addr} is missing has
 * a client that we know nothing of.
 */
static bool
is_local(const struct facts *facts, const struct netaddr *client)
{
	if (!facts_arrived(facts))
		return false;
	if (facts->dialect == DIALECT_SENDMAIL)
		return slice_is(facts_value(facts, FACT_CLIENT_ADDR), "0");
	return client != NULL && is_loopback(client) &&
	    slice_is(facts_value(facts, FACT_DAEMON_PORT), "0");
}

static bool
is_exempt(const struct message *m)
{
	struct netaddr address, *client = NULL;

	if (facts_address(&m->facts, false, &address))
		client = &address;
	return is_local(&m->facts, client) || (client != NULL &&
	    settings_exempt(&m->settings->settings, client));
}

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

	m->judged_us = judge_clock();
	m->exempt = is_exempt(m);
	ask(s, EVAL_MAIL, m->judged_us, &m->verdict);
}

void
judge_rcpt(struct session *s, struct verdict *verdict)
{
	ask(s, EVAL_RCPT, judge_clock(), verdict);
}

bool
judge_refuses(const struct verdict *v)
{
	return v->kind == VERDICT_TEMPFAIL || v->kind == VERDICT_REJECT;
}
