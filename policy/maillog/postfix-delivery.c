/*
 * Mail that left: Postfix's smtp logs TLS when it has connected, and then a
 * line to= for each recipient.  A line without conn_use= is of a connection of
 * its own, so it had TLS only when a line about TLS to that server came since
 * the delivery of another message; with conn_use= another process may have
 * made the connection.  "Trusted" is said of the chain; "Verified" also of what
 * the policy asks for: names, a fingerprint, TLSA records.
 *
 * The recipient is somebody else's, and so is what the server answered, at the
 * end of the line: it is read from the beginning, quotes minded.
 */
#include "policy/maillog/maillog-internal.h"

static void
take_tls(struct maillog *m, const struct logline *line, struct slice s,
    const char *verify)
{
	struct session *session = maillog_process(m, line, true);

	maillog_tls_is_logged(m, line);
	if (session == NULL)
		return;
	if (maillog_postfix_peer(&s, session) &&
	    maillog_postfix_suite(s, session)) {
		session->tls = SESSION_TLS;
		session->begun = true;
		session->matched = slice_starts_nocase(line->message,
		    "Verified ");
		sessions_copy(session->verify, sizeof session->verify,
		    slice_of(verify));
		return;
	}
	m->counts.unreadable++;
	sessions_remove(m->processes, session);
}

/* The members of a delivery's line behind the addresses. */
struct delivery {
	struct slice id, rcpt;
	struct session server;
	bool shared, sent;
	struct slice reason; /* of what was not sent */
};

static bool
read_delivery(struct slice s, struct delivery *d)
{
	size_t n;

	d->id = slice_make(s.p, slice_find(s, ':'));
	s = slice_from(s, d->id.n);
	if (!maillog_is_queue_id(d->id) || !maillog_take(&s, ": to=") ||
	    !maillog_take_address(&s, &d->rcpt))
		return false;
	if (maillog_take(&s, ", orig_to=")) {
		struct slice orig;

		if (!maillog_take_address(&s, &orig))
			return false;
	}
	if (!maillog_take(&s, ", relay=") || (!maillog_take(&s, "none") &&
	    !maillog_postfix_peer(&s, &d->server)))
		return false;
	d->shared = maillog_take(&s, ", conn_use=");
	while ((n = slice_find(s, ',')) < s.n) {
		s = slice_from(s, n);
		if (maillog_take(&s, ", status=")) {
			d->sent = maillog_take(&s, "sent ") &&
			    d->server.name[0] != '\0';
			n = slice_find(s, '(');
			d->reason = slice_from(s, n < s.n ? n + 1 : n);
			return true;
		}
		s = slice_from(s, 1);
	}
	return false;
}

static void
tie(struct maillog *m, const struct logline *line, struct delivery *d)
{
	struct session *s = maillog_process(m, line, false);
	bool same = s != NULL && sessions_same_client(s, &d->server);

	if (d->shared)
		return;
	if (same && s->tls == SESSION_TLS && (s->begun ||
	    slice_is(d->id, s->sender))) {
		sessions_copy_tls(&d->server, s);
		s->begun = false;
		if (!sessions_copy(s->sender, sizeof s->sender, d->id))
			sessions_remove(m->processes, s);
	} else if (maillog_logs_tls(m, line)) {
		d->server.tls = SESSION_CLEAR;
	}
}

void
maillog_postfix_delivery(struct maillog *m, const struct logline *line)
{
	struct slice s = line->message;
	struct delivery d = { .shared = false };
	const char *verify;

	if (maillog_postfix_trust(&s, &verify)) {
		if (maillog_take(&s, "TLS connection established to "))
			take_tls(m, line, s, verify);
		return;
	}
	if (!read_delivery(s, &d))
		return;
	tie(m, line, &d);
	if (d.sent)
		maillog_delivery(m, line, &d.server, DIALECT_POSTFIX, d.id,
		    d.rcpt);
	else
		maillog_kept_postfix(m, line, &d.server, d.id, d.rcpt,
		    d.reason);
}
