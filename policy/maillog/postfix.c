/*
 * Postfix: who handed a message in stands in smtpd's line client=, that it was
 * taken in and from whom in qmgr's line from= with the same queue id.  TLS is a
 * line of the same smtpd process between its connect and disconnect.
 *
 * Of the texts in these lines only the sender's address and the login are a
 * client's choice; what stands before or behind them is found from the other
 * end.
 */
#include "policy/maillog/maillog-internal.h"

/* "postfix/smtpd", "postfix/submission/smtpd", "mx-out/smtpd". */
static struct slice
program_of(struct slice tag, struct slice *instance)
{
	size_t last = tag.n, first = slice_find(tag, '/');

	while (last > 0 && tag.p[last - 1] != '/')
		last--;
	*instance = slice_make(tag.p, first);
	return last == 0 ? slice_make("", 0) : slice_from(tag, last);
}

static void
take_connect(struct maillog *m, const struct logline *line, struct slice s)
{
	struct session *session = maillog_process(m, line, true);

	if (session == NULL)
		return;
	session->begun = maillog_postfix_peer(&s, session);
	m->counts.unreadable += !session->begun;
}

/* After a TLS line that cannot be read the session's TLS is unknown. */
static void
take_tls(struct maillog *m, const struct logline *line, struct slice s,
    const char *verify)
{
	struct session *session = maillog_process(m, line, true);

	maillog_tls_is_logged(m, line);
	if (session == NULL || !maillog_postfix_peer(&s, session) ||
	    !maillog_postfix_suite(s, session)) {
		maillog_process_end(m, line);
		m->counts.unreadable++;
		return;
	}
	session->tls = SESSION_TLS;
	sessions_copy(session->verify, sizeof session->verify,
	    slice_of(verify));
}

/* ", sasl_method=PLAIN, sasl_username=joe@example.com, sasl_sender=..." */
static bool
take_login(struct slice s, struct session *to)
{
	static const char *const behind[] = { ", sasl_sender=",
		", orig_queue_id=", ", orig_client=" };
	struct slice method;
	size_t end;

	if (!maillog_take(&s, ", sasl_method="))
		return true;
	method = slice_make(s.p, slice_find(s, ','));
	s = slice_from(s, method.n);
	if (!maillog_take(&s, ", sasl_username="))
		return false;
	end = s.n;
	for (size_t i = 0; i < sizeof behind / sizeof behind[0]; i++) {
		size_t at = maillog_find_last(slice_make(s.p, end), behind[i]);

		if (at < end)
			end = at;
	}
	return sessions_copy(to->login_type, sizeof to->login_type, method) &&
	    sessions_copy(to->login, sizeof to->login, slice_make(s.p, end));
}

/* Ties a message to the session of the process that took it in. */
static void
tie(struct maillog *m, const struct logline *line, struct session *message)
{
	const struct session *s = maillog_process(m, line, false);

	if (s == NULL || !sessions_same_client(s, message))
		return;
	if (s->tls == SESSION_TLS) {
		sessions_copy_tls(message, s);
	} else if (s->begun && maillog_logs_tls(m, line)) {
		message->tls = SESSION_CLEAR;
	}
}

static struct slice
message_key(char buf[SESSIONS_KEY_MAX], const struct logline *line,
    struct slice instance, struct slice queue_id)
{
	return maillog_key(buf, line->host, instance, queue_id);
}

static void
take_message(struct maillog *m, const struct logline *line,
    struct slice instance, struct slice queue_id, struct slice s)
{
	char buf[SESSIONS_KEY_MAX];
	struct session *message = sessions_put(m->messages,
	    message_key(buf, line, instance, queue_id));

	if (message == NULL) {
		m->counts.unreadable++;
		return;
	}
	message->time_us = line->time_us;
	if (!maillog_postfix_peer(&s, message) || !take_login(s, message)) {
		m->counts.unreadable++;
		sessions_remove(m->messages, message);
		return;
	}
	tie(m, line, message);
}

static void
smtpd_line(struct maillog *m, const struct logline *line,
    struct slice instance)
{
	struct slice s = line->message, id;
	const char *verify;

	if (maillog_take(&s, "connect from ")) {
		take_connect(m, line, s);
	} else if (maillog_take(&s, "disconnect from ")) {
		maillog_process_end(m, line);
	} else if (maillog_postfix_trust(&s, &verify)) {
		if (maillog_take(&s, "TLS connection established from "))
			take_tls(m, line, s, verify);
	} else if (maillog_take(&s, "TLS connection established from ")) {
		/* An old Postfix: no word of the certificate. */
		maillog_process_end(m, line);
	} else {
		id = slice_make(s.p, slice_find(s, ':'));
		s = slice_from(s, id.n);
		if (maillog_take(&s, ": client=") && maillog_is_queue_id(id))
			take_message(m, line, instance, id, s);
	}
}

/* "QID: from=<SENDER>, size=1200, nrcpt=1 (queue active)" */
static void
qmgr_line(struct maillog *m, const struct logline *line,
    struct slice instance)
{
	static const char end[] = "(queue active)";
	char buf[SESSIONS_KEY_MAX];
	struct slice s = line->message, id = slice_make(s.p, slice_find(s, ':'));
	struct session *message;
	size_t at;

	s = slice_from(s, id.n);
	if (!maillog_is_queue_id(id) || !maillog_take(&s, ": from=<") ||
	    s.n < sizeof end || memcmp(s.p + s.n - (sizeof end - 1), end,
	    sizeof end - 1) != 0)
		return;
	message = sessions_find(m->messages, message_key(buf, line, instance,
	    id));
	if (message == NULL)
		return;
	at = maillog_find_last(s, ">, size=");
	if (at < s.n)
		maillog_message(m, message, DIALECT_POSTFIX,
		    slice_make(s.p, at));
	else
		m->counts.unreadable++;
	sessions_remove(m->messages, message);
}

static void
pickup_line(struct maillog *m, const struct logline *line)
{
	struct slice s = line->message, id = slice_make(s.p, slice_find(s, ':'));

	s = slice_from(s, id.n);
	m->counts.local += maillog_is_queue_id(id) && maillog_take(&s, ": uid=");
}

bool
maillog_postfix(struct maillog *m, const struct logline *line)
{
	struct slice instance, program = program_of(line->tag, &instance);

	if (program.n == 0)
		return false;
	m->counts.mta++;
	if (slice_is(program, "smtpd"))
		smtpd_line(m, line, instance);
	else if (slice_is(program, "qmgr") || slice_is(program, "nqmgr"))
		qmgr_line(m, line, instance);
	else if (slice_is(program, "pickup"))
		pickup_line(m, line);
	else if (slice_is(program, "smtp"))
		maillog_postfix_delivery(m, line);
	return true;
}
