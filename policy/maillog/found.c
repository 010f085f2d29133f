/*
 * What was found in a log, as facts of a session: what it does not tell is not
 * told, which is another thing than that there is none.
 */
#include <stdio.h>

#include "policy/audit/field.h"
#include "policy/audit/record-handshake.h"
#include "policy/audit/record-maillog.h"
#include "policy/audit/record.h"
#include "policy/facts/macro.h"
#include "policy/maillog/maillog-internal.h"

static bool
put(struct maillog *m, enum fact_id id, const char *text)
{
	return text[0] == '\0' || facts_set(&m->facts, id, slice_of(text), false);
}

/* As a session in clear is known to the daemon: nothing, and that is known. */
static bool
put_clear(struct maillog *m)
{
	const struct field *f = field_group(FIELD_TLS);

	for (; f->group == FIELD_TLS; f++)
		facts_set_state(&m->facts, f->fact, f->fact == FACT_VERIFY ?
		    FACT_ABSENT : field_state_when_nothing(m->facts.dialect,
		    f->fact));
	return !dialect_row(m->facts.dialect)->verify_from_names ||
	    put(m, FACT_VERIFY, "NONE");
}

/* A log has no certificate names: not told, or absent where none can be. */
static bool
put_tls(struct maillog *m, const struct session *s)
{
	if (dialect_row(m->facts.dialect)->verify_from_names &&
	    strcmp(s->verify, "OK") != 0) {
		facts_set_state(&m->facts, FACT_CN_SUBJECT, FACT_ABSENT);
		facts_set_state(&m->facts, FACT_CN_ISSUER, FACT_ABSENT);
	}
	return put(m, FACT_TLS_VERSION, s->version) &&
	    put(m, FACT_CIPHER, s->cipher) &&
	    put(m, FACT_CIPHER_BITS, s->bits) && put(m, FACT_VERIFY, s->verify);
}

/* Postfix says "unknown", and is judged by its address in brackets. */
static bool
put_client(struct maillog *m, const struct session *s)
{
	char bracketed[SESSIONS_ADDR_MAX + 2];
	bool named = !s->forged && strcmp(s->name, "unknown") != 0;

	snprintf(bracketed, sizeof bracketed, "[%s]", s->addr);
	if (macro_told(m->facts.dialect, FACT_CLIENT_RESOLVE)) {
		if (s->forged && !put(m, FACT_CLIENT_RESOLVE, "FORGED"))
			return false;
		if (named && s->name[0] != '[' &&
		    !put(m, FACT_CLIENT_RESOLVE, "OK"))
			return false;
	}
	return put(m, FACT_CLIENT_NAME, named ? s->name : bracketed) &&
	    put(m, FACT_CLIENT_ADDR, s->addr);
}

static bool
put_login(struct maillog *m, const struct session *s)
{
	if (s->login_untold)
		return true;
	facts_set_state(&m->facts, FACT_AUTH_AUTHEN, FACT_ABSENT);
	facts_set_state(&m->facts, FACT_AUTH_TYPE, FACT_ABSENT);
	if (macro_told(m->facts.dialect, FACT_AUTH_SSF) && s->login[0] == '\0')
		facts_set_state(&m->facts, FACT_AUTH_SSF, FACT_ABSENT);
	return put(m, FACT_AUTH_AUTHEN, s->login) &&
	    put(m, FACT_AUTH_TYPE, s->login_type);
}

/* See maillog_key(). */
static bool
put_key(struct maillog *m, const struct session *s)
{
	struct slice rest = slice_make(s->key, s->nkey), host, program;

	return slice_next(&rest, '\0', &host) &&
	    slice_next(&rest, '\0', &program) &&
	    facts_set(&m->facts, FACT_NODE, host, false) &&
	    facts_set(&m->facts, FACT_QUEUE_ID, rest, false);
}

/* Begins a record: all facts are "not told" until the log tells them. */
static bool
start(struct maillog *m, enum dialect_id dialect)
{
	facts_reset(&m->facts, dialect);
	for (int id = 0; id < FACT_COUNT; id++)
		facts_set_state(&m->facts, (enum fact_id)id, FACT_NOT_TOLD);
	facts_set_state(&m->facts, FACT_SERVER_NAME, FACT_ABSENT);
	facts_set_state(&m->facts, FACT_SERVER_ADDR, FACT_ABSENT);
	return put(m, FACT_MTA, dialect_row(dialect)->title);
}

static bool
put_session(struct maillog *m, const struct session *s)
{
	if (s->tls == SESSION_UNTOLD)
		return true;
	return s->tls == SESSION_TLS ? put_tls(m, s) : put_clear(m);
}

static bool
in_time(const struct maillog *m, int64_t time_us)
{
	return time_us >= m->options.since && time_us < m->options.until;
}

/* `good`: no fact was left out for want of memory. */
static void
put_record(struct maillog *m, const struct record_maillog *record, bool good,
    bool untold)
{
	char buf[16 * 1024];
	struct text out;

	m->no_memory |= !good;
	text_init(&out, buf, sizeof buf);
	if (!good || !record_maillog_format(record, &out)) {
		m->counts.unreadable++;
		return;
	}
	text_char(&out, '\n');
	m->counts.records++;
	m->counts.delivered += record->server;
	m->counts.untold += untold;
	m->failed |= !m->options.each(m->options.arg,
	    slice_make(out.buf, out.n));
}

void
maillog_message(struct maillog *m, const struct session *s,
    enum dialect_id dialect, struct slice sender)
{
	struct record_maillog record = { .time_us = s->time_us,
	    .facts = &m->facts };
	bool good;

	if (!in_time(m, s->time_us))
		return;
	good = start(m, dialect) && put_key(m, s) && put_client(m, s) &&
	    put_login(m, s) && put(m, FACT_DAEMON_NAME, s->daemon) &&
	    put_session(m, s) && (sender.p == NULL ||
	    facts_set(&m->facts, FACT_MAIL_ADDR, sender.n == 0 ?
	    slice_of("<>") : sender, false));
	record.exempt = m->options.exempt != NULL &&
	    m->options.exempt(m->options.arg, &m->facts);
	put_record(m, &record, good, s->tls == SESSION_UNTOLD);
}

void
maillog_delivery(struct maillog *m, const struct logline *line,
    struct session *server, enum dialect_id dialect, struct slice queue_id,
    struct slice rcpt)
{
	struct record_maillog record = { .time_us = line->time_us,
	    .facts = &m->facts, .server = true, .rcpt = rcpt,
	    .matched = server->matched };
	bool good;

	if (!in_time(m, line->time_us))
		return;
	good = start(m, dialect) &&
	    facts_set(&m->facts, FACT_NODE, line->host, false) &&
	    facts_set(&m->facts, FACT_QUEUE_ID, queue_id, false) &&
	    put(m, FACT_SERVER_NAME, server->name) &&
	    put(m, FACT_SERVER_ADDR, server->addr) && put_session(m, server);
	put_record(m, &record, good, server->tls == SESSION_UNTOLD);
}

void
maillog_put_handshake(struct maillog *m, const struct record_handshake *record)
{
	char buf[16 * 1024];
	struct text out;

	if (!in_time(m, record->time_us))
		return;
	text_init(&out, buf, sizeof buf);
	if (!record_handshake_format(record, &out)) {
		m->counts.unreadable++;
		return;
	}
	text_char(&out, '\n');
	m->counts.records++;
	m->counts.kept++;
	m->failed |= !m->options.each(m->options.arg,
	    slice_make(out.buf, out.n));
}
