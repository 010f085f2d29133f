/*
 * Mail that an MTA keeps for want of the TLS that it was told to have, in its
 * own words and those of RFC 8460.  What a server said comes behind them, or in
 * other lines: only how a reason begins is looked at.
 */
#include "policy/audit/record-handshake.h"
#include "policy/facts/dialect.h"
#include "policy/maillog/maillog-internal.h"

struct why {
	const char *said, *type;
};

/* smtp_proto.c, smtp_tls_policy.c and smtp_connect.c of Postfix 3.7 to 3.10. */
static const struct why postfix[] = {
	{ "TLS is required, but was not offered", "starttls-not-supported" },
	{ "TLS is required, but host ", "starttls-not-supported" },
	{ "Cannot start TLS: handshake failure", "validation-failure" },
	{ "Server certificate not trusted", "certificate-not-trusted" },
	{ "Server certificate not verified", "certificate-host-mismatch" },
	{ "non DNSSEC destination", "dane-required" },
	{ "no TLSA records found", "dane-required" },
	{ "TLSA records unusable", "tlsa-invalid" },
	{ "TLSA lookup error", "dnssec-invalid" },
	{ "client TLS configuration problem", "validation-failure" },
	{ NULL, NULL }
};

/* proto.m4 of sendmail 8.17 and 8.18, TLS_connection and what it calls. */
static const struct why sendmail[] = {
	{ "other side does not support STARTTLS", "starttls-not-supported" },
	{ "encryption too weak 0 less", "starttls-not-supported" },
	{ "encryption too weak ", "validation-failure" },
	{ "authentication required", "validation-failure" },
	{ "authentication failed", "certificate-not-trusted" },
	{ "not authenticated", "certificate-not-trusted" },
	{ "CN ", "certificate-host-mismatch" },
	{ "Cert Subject ", "certificate-host-mismatch" },
	{ "Cert Issuer ", "certificate-host-mismatch" },
	{ "TLS handshake failed", "validation-failure" },
	{ "STARTTLS failed", "validation-failure" },
	{ "STARTTLS temporarily not possible", "validation-failure" },
	{ NULL, NULL }
};

static const struct why *
find(const struct why *w, struct slice reason)
{
	while (w->said != NULL && !slice_starts_nocase(reason, w->said))
		w++;
	return w->said == NULL ? NULL : w;
}

static struct slice
told(const char *field)
{
	return field[0] == '\0' ? slice_make(NULL, 0) : slice_of(field);
}

static void
put(struct maillog *m, const struct logline *line, enum dialect_id mta,
    const struct why *why, const char *type, const struct session *server,
    struct slice queue_id, struct slice rcpt)
{
	struct tlsrpt_policy policy = { .failed = true, .nfailures = 1 };
	struct record_handshake record = { .time_us = line->time_us,
		.policy = &policy, .maillog = true, .node = line->host,
		.mta = slice_of(dialect_row(mta)->title),
		.queue_id = queue_id, .rcpt = rcpt };
	size_t at = rcpt.n;

	while (at > 0 && rcpt.p[at - 1] != '@')
		at--;
	if (at == 0 || at == rcpt.n)
		return;
	record.domain = slice_from(rcpt, at);
	policy.failures[0] = (struct tlsrpt_failure){ .type = type,
		.server = told(server->name), .addr = told(server->addr),
		.reason = slice_of(why->said) };
	maillog_put_handshake(m, &record);
}

void
maillog_kept_postfix(struct maillog *m, const struct logline *line,
    const struct session *server, struct slice queue_id, struct slice rcpt,
    struct slice reason)
{
	const struct why *why = find(postfix, reason);
	const char *type;

	if (why == NULL)
		return;
	type = why->type;
	/* The certificate's chain failed first: its name was not looked at. */
	if (strcmp(type, "certificate-host-mismatch") == 0 &&
	    server->tls == SESSION_TLS && strcmp(server->verify, "OK") != 0)
		type = "certificate-not-trusted";
	put(m, line, DIALECT_POSTFIX, why, type, server, queue_id, rcpt);
}

/* "403 4.7.0 authentication failed" */
static struct slice
without_code(struct slice s)
{
	for (int i = 0; i < 2; i++)
		s = slice_from(s, slice_find(s, ' ') + 1 < s.n ?
		    slice_find(s, ' ') + 1 : s.n);
	return s;
}

void
maillog_kept_sendmail(struct maillog *m, const struct logline *line,
    const struct session *server, struct slice queue_id, struct slice rcpt,
    struct slice reply)
{
	const struct why *why = find(sendmail, without_code(reply));

	if (why != NULL)
		put(m, line, DIALECT_SENDMAIL, why, why->type, server,
		    queue_id, rcpt);
}

/*
 * "ruleset=tls_rcpt, arg1=a@x.example, relay=mx.x.example., reject=403 4.7.0
 * TEXT": the line to= that comes behind has no reason.
 */
void
maillog_kept_ruleset(struct maillog *m, const struct logline *line,
    struct slice queue_id, struct slice s)
{
	static const char behind[] = ", relay=", reject[] = ", reject=";
	struct session server = { .nkey = 0 };
	struct slice rcpt, name;
	size_t at = maillog_find_last(s, reject), relay;

	if (at == s.n)
		return;
	relay = maillog_find_last(slice_make(s.p, at), behind);
	if (relay == at)
		return;
	rcpt = slice_make(s.p, relay);
	if (rcpt.n > 1 && rcpt.p[0] == '<' && rcpt.p[rcpt.n - 1] == '>')
		rcpt = slice_make(rcpt.p + 1, rcpt.n - 2);
	name = slice_make(s.p + relay + sizeof behind - 1,
	    at - relay - (sizeof behind - 1));
	name = slice_make(name.p, slice_find(name, ' '));
	if (name.n > 1 && name.p[name.n - 1] == '.')
		name.n--;
	sessions_copy(server.name, sizeof server.name, name);
	maillog_kept_sendmail(m, line, &server, queue_id, rcpt,
	    slice_from(s, at + sizeof reject - 1));
}
