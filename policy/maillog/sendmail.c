/*
 * sendmail: a child serves a connection and logs STARTTLS=server when the
 * handshake is done, then a line from= for each message.  Where a child begins
 * and ends is not logged, and process ids come again: so a line about TLS is
 * tied to a message only when the relay is the same and proto= (ESMTPS) says,
 * too, that the message came over TLS.
 *
 * sendmail cuts what it logs.  Of the texts in from= the sender, the message's
 * id and the word of the client's ident server are somebody else's.
 */
#include "policy/maillog/maillog-internal.h"

enum { SENDER_CUT = 200 }; /* bytes of from= that sendmail logs */

static bool
is_sendmail(const struct maillog *m, struct slice tag)
{
	return m->options.mta == MAILLOG_SENDMAIL ||
	    slice_starts_nocase(tag, "sm-") ||
	    slice_starts_nocase(tag, "sendmail");
}

static void
take_tls(struct maillog *m, const struct logline *line, struct slice s)
{
	static const char version[] = ", version=";
	size_t at = maillog_find_last(s, version);
	struct session *session = maillog_process(m, line, true);

	maillog_tls_is_logged(m, line);
	if (session == NULL)
		return;
	if (at < s.n && maillog_sendmail_relay(slice_make(s.p, at), session) &&
	    maillog_sendmail_suite(slice_from(s, at + 2), session)) {
		session->tls = SESSION_TLS;
		return;
	}
	m->counts.unreadable++;
	sessions_remove(m->processes, session);
}

/* "AUTH=server, relay=R, authid=joe, mech=PLAIN, bits=0" */
static void
take_login(struct maillog *m, const struct logline *line, struct slice s)
{
	size_t mech = maillog_find_last(s, ", mech="), id;
	struct session *session = maillog_process(m, line, false), client = { 0 };
	struct slice rest = slice_from(s, mech), before, method;

	before = slice_make(s.p, mech);
	id = maillog_find_last(before, ", authid=");
	if (id == before.n || !maillog_sendmail_relay(slice_make(s.p, id), &client) ||
	    !maillog_take_value(&rest, ", mech=", &method)) {
		m->counts.unreadable++;
		return;
	}
	if (session == NULL || !sessions_same_client(session, &client)) {
		session = maillog_process(m, line, true);
		if (session == NULL)
			return;
		memcpy(session->name, client.name, sizeof client.name);
		memcpy(session->addr, client.addr, sizeof client.addr);
	}
	sessions_copy(session->login, sizeof session->login,
	    slice_from(before, id + sizeof ", authid=" - 1));
	sessions_copy(session->login_type, sizeof session->login_type, method);
}

/* "<SENDER>, size=..."; one that was cut has no end, and is then not told. */
static struct slice
take_sender(struct slice *s)
{
	static const char behind[] = ", size=";
	struct slice sender = { NULL, 0 }, rest;

	rest = *s;
	if (maillog_take_address(&rest, &sender)) {
		struct slice tail = rest;

		if (maillog_take(&tail, behind)) {
			*s = rest;
			return sender;
		}
		sender = slice_make(NULL, 0);
	}
	if (s->n > SENDER_CUT) {
		rest = slice_from(*s, SENDER_CUT);
		if (maillog_take(&rest, behind))
			*s = slice_from(*s, SENDER_CUT);
	}
	return sender;
}

/* The values behind the message's id, from the end of the line back. */
struct tail {
	struct slice proto, daemon, relay;
};

static void
read_tail(struct slice s, struct tail *tail)
{
	size_t relay = maillog_find_last(s, ", relay="), proto;
	struct slice before = slice_make(s.p, relay);

	memset(tail, 0, sizeof *tail);
	if (relay == s.n)
		return;
	tail->relay = slice_from(s, relay + sizeof ", relay=" - 1);
	proto = maillog_find_last(before, ", proto=");
	if (proto == before.n)
		return;
	before = slice_from(before, proto);
	maillog_take_value(&before, ", proto=", &tail->proto);
	maillog_take_value(&before, ", daemon=", &tail->daemon);
}

/* ESMTPS, ESMTPSA: over TLS. */
static bool
says_tls(struct slice proto)
{
	return slice_is(proto, "ESMTPS") || slice_is(proto, "ESMTPSA");
}

static bool
says_clear(struct slice proto)
{
	return slice_is(proto, "SMTP") || slice_is(proto, "ESMTP") ||
	    slice_is(proto, "ESMTPA");
}

static void
tie(struct maillog *m, const struct logline *line, const struct tail *tail,
    struct session *message)
{
	const struct session *s = maillog_process(m, line, false);
	bool tied = s != NULL && sessions_same_client(s, message);

	if (tied && s->tls == SESSION_TLS) {
		if (!says_tls(tail->proto))
			return; /* not this session's relay, or no EHLO after
				 * STARTTLS */
		sessions_copy_tls(message, s);
	} else if (says_clear(tail->proto) && maillog_logs_tls(m, line)) {
		message->tls = SESSION_CLEAR;
	}
}

/* proto= without a final A says that nobody logged in. */
static void
tie_login(struct maillog *m, const struct logline *line,
    const struct tail *tail, struct session *message)
{
	const struct session *s = maillog_process(m, line, false);

	if (tail->proto.n > 0 && tail->proto.p[tail->proto.n - 1] != 'A')
		return;
	message->login_untold = s == NULL || tail->proto.n == 0 ||
	    s->login[0] == '\0' || !sessions_same_client(s, message);
	if (message->login_untold)
		return;
	memcpy(message->login, s->login, sizeof s->login);
	memcpy(message->login_type, s->login_type, sizeof s->login_type);
}

static bool
was_taken_in(struct slice s)
{
	static const char name[] = ", nrcpts=";
	size_t at = 0;

	/* msgid= stands before all that somebody else has written. */
	for (; at + sizeof name <= s.n; at++)
		if (memcmp(s.p + at, name, sizeof name - 1) == 0)
			return s.p[at + sizeof name - 1] != '0';
	return false;
}

static struct session *
message_of(struct maillog *m, const struct logline *line, struct slice id,
    bool anew)
{
	char buf[SESSIONS_KEY_MAX];
	struct slice key = maillog_key(buf, line->host, line->tag, id);

	return anew ? sessions_put(m->messages, key) :
	    sessions_find(m->messages, key);
}

/*
 * A milter refused the message itself: at DATA, before the line from=, or at
 * its end, after it.
 */
static void
take_refusal(struct maillog *m, const struct logline *line, struct slice id)
{
	struct session *message = message_of(m, line, id, false);

	if (message != NULL)
		sessions_remove(m->messages, message);
	else if ((message = message_of(m, line, id, true)) != NULL)
		message->refused = true;
}

static void
end_message(struct maillog *m, struct session *message)
{
	struct slice sender = slice_make(NULL, 0);

	if (message->has_sender)
		sender = slice_of(message->sender);
	if (message->sent)
		maillog_message(m, message, DIALECT_SENDMAIL, sender);
	sessions_remove(m->messages, message);
}

/* "to=<...>, delay=..., mailer=...": without a mailer it was not taken in. */
static void
take_delivery(struct maillog *m, const struct logline *line, struct slice id,
    struct slice s)
{
	struct session *message = message_of(m, line, id, false);

	if (message == NULL)
		return;
	if (maillog_find_last(s, ", mailer=") < s.n) {
		end_message(m, message);
		return;
	}
	m->counts.unended += message->sent;
	sessions_remove(m->messages, message);
}

/* False: a message that is not kept; it has been counted. */
static bool
begin_message(struct maillog *m, const struct logline *line, struct slice s,
    struct slice sender, struct session *message)
{
	struct tail tail;

	read_tail(s, &tail);
	if (tail.relay.n == 0) {
		m->counts.unreadable++;
		return false;
	}
	if (!maillog_sendmail_relay(tail.relay, message)) {
		m->counts.local++; /* root@localhost */
		return false;
	}
	message->time_us = line->time_us;
	message->has_sender = sender.p != NULL && sessions_copy(message->sender,
	    sizeof message->sender, sender);
	sessions_copy(message->daemon, sizeof message->daemon, tail.daemon);
	tie(m, line, &tail, message);
	tie_login(m, line, &tail, message);
	return message->sent = true;
}

static void
take_message(struct maillog *m, const struct logline *line, struct slice id,
    struct slice s)
{
	struct slice sender = take_sender(&s);
	struct session *message = message_of(m, line, id, false);
	bool refused = message != NULL && message->refused;

	message = message_of(m, line, id, true);
	if (message == NULL)
		m->counts.unreadable++;
	else if (refused || !was_taken_in(s) ||
	    !begin_message(m, line, s, sender, message))
		sessions_remove(m->messages, message);
}

void
maillog_sendmail_end(struct maillog *m)
{
	struct session *s = sessions_oldest(m->messages), *newer;

	for (; s != NULL; s = newer) {
		newer = s->newer;
		if (s->sent || s->refused)
			end_message(m, s);
	}
}

bool
maillog_sendmail(struct maillog *m, const struct logline *line)
{
	struct slice s = line->message, id;

	if (!is_sendmail(m, line->tag))
		return false;
	m->counts.mta++;
	if (maillog_take(&s, "STARTTLS=server, relay=")) {
		take_tls(m, line, s);
	} else if (maillog_take(&s, "AUTH=server, relay=")) {
		take_login(m, line, s);
	} else if (maillog_take(&s, "STARTTLS=client, relay=")) {
		maillog_sendmail_client(m, line, s);
	} else {
		id = slice_make(s.p, slice_find(s, ':'));
		s = slice_from(s, id.n);
		if (!maillog_is_queue_id(id))
			return true;
		if (maillog_take(&s, ": from=")) {
			take_message(m, line, id, s);
		} else if (maillog_take(&s, ": to=")) {
			take_delivery(m, line, id, s);
			maillog_sendmail_delivery(m, line, id, s);
		} else if (maillog_take(&s, ": ruleset=tls_rcpt, arg1=")) {
			maillog_kept_ruleset(m, line, id, s);
		} else if (maillog_take(&s, ": Milter: data, reject=") ||
		    maillog_take(&s, ": Milter: cmd=data, reject=") ||
		    maillog_take(&s, ": Milter: data, discard") ||
		    maillog_take(&s, ": Milter: cmd=data, discard"))
			take_refusal(m, line, id);
		else if (maillog_take(&s, ": connect from "))
			/*
			 * Without AUTH= in the log, which only higher levels
			 * have.
			 */
			maillog_process_end(m, line);
	}
	return true;
}
