/*
 * Mail that left: sendmail logs STARTTLS=client with the server's name, and
 * then a line to= with name and address.  Connections are kept for the next
 * message, for minutes, and their end is not logged: a line about TLS counts
 * for an hour, in the process that logged it.
 *
 * Recipients and what the server answered are somebody else's: the line is read
 * from the beginning, quotes minded.
 */
#include "policy/maillog/maillog-internal.h"

#define TIED_US (INT64_C(3600) * 1000000)

/* "mx.example." */
static struct slice
without_dot(struct slice name)
{
	return name.n > 1 && name.p[name.n - 1] == '.' ?
	    slice_make(name.p, name.n - 1) : name;
}

static void
take_tls(struct maillog *m, const struct logline *line, struct slice s)
{
	size_t at = slice_find(s, ',');
	struct session *session = maillog_process(m, line, true);
	struct slice name = without_dot(slice_make(s.p, at));

	maillog_tls_is_logged(m, line);
	if (session == NULL)
		return;
	s = slice_from(s, at);
	if (maillog_take(&s, ", ") && name.n > 0 &&
	    sessions_copy(session->name, sizeof session->name, name) &&
	    maillog_sendmail_suite(s, session)) {
		session->tls = SESSION_TLS;
		session->time_us = line->time_us;
		return;
	}
	m->counts.unreadable++;
	sessions_remove(m->processes, session);
}

/* "RELAY, dsn=2.0.0, stat=Sent (...)" behind numbers and names of mailers. */
static bool
read_delivery(struct slice s, struct session *server, bool *sent,
    struct slice *reply)
{
	struct slice relay;
	size_t n;

	while (!maillog_take(&s, ", relay=")) {
		if (s.n < 2 || maillog_take(&s, ", stat="))
			return false;
		s = slice_from(s, 1);
		s = slice_from(s, slice_find(s, ','));
	}
	n = slice_find(s, ',');
	relay = slice_make(s.p, n);
	s = slice_from(s, n);
	while (!maillog_take(&s, ", stat=")) {
		if (s.n < 2)
			return false;
		s = slice_from(s, 1);
		s = slice_from(s, slice_find(s, ','));
	}
	*sent = maillog_take(&s, "Sent");
	*reply = maillog_take(&s, "Deferred: ") ? s : slice_make("", 0);
	return maillog_sendmail_relay(relay, server);
}

static void
tie(struct maillog *m, const struct logline *line, struct session *server)
{
	const struct session *s = maillog_process(m, line, false);
	struct slice name = without_dot(slice_of(server->name));

	server->name[name.n] = '\0';
	if (s != NULL && s->tls == SESSION_TLS &&
	    strcmp(s->name, server->name) == 0) {
		if (line->time_us - s->time_us < TIED_US)
			sessions_copy_tls(server, s);
	} else if (maillog_logs_tls(m, line)) {
		server->tls = SESSION_CLEAR;
	}
}

void
maillog_sendmail_client(struct maillog *m, const struct logline *line,
    struct slice s)
{
	take_tls(m, line, s);
}

/* "<a@x>,<b@x>, ctladdr=..., delay=..., mailer=esmtp, relay=..., stat=..." */
void
maillog_sendmail_delivery(struct maillog *m, const struct logline *line,
    struct slice id, struct slice s)
{
	struct session server = { .time_us = line->time_us };
	struct slice rcpts = s, rcpt, ctladdr, reply;
	bool sent = false, more;

	while (maillog_take_address(&s, &rcpt) && maillog_take(&s, ",<"))
		s = slice_make(s.p - 1, s.n + 1);
	rcpts.n -= s.n;
	if (maillog_take(&s, ", ctladdr=") &&
	    !maillog_take_address(&s, &ctladdr))
		s = slice_from(s, slice_find(s, ','));
	if (!read_delivery(s, &server, &sent, &reply))
		return;
	tie(m, line, &server);
	do {
		more = maillog_take_address(&rcpts, &rcpt);
		if (more && sent)
			maillog_delivery(m, line, &server, DIALECT_SENDMAIL, id,
			    rcpt);
		else if (more)
			maillog_kept_sendmail(m, line, &server, id, rcpt,
			    reply);
	} while (more && maillog_take(&rcpts, ","));
}
