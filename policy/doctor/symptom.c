#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/base/text.h"
#include "policy/doctor/symptom.h"

static const struct {
	const char *name, *why;
} rows[SYMPTOM_KINDS] = {
	[SYMPTOM_DAEMON_DOWN] = { "daemon-down",
	    "no mail is judged; what becomes of it is the MTA's default" },
	[SYMPTOM_DAEMON_SILENT] = { "daemon-silent",
	    "MTAs wait for it and then go on as their default says" },
	[SYMPTOM_SOCKET_CLOSED_TO_MTA] = { "socket-closed-to-mta",
	    "the MTA cannot connect, so no mail is judged" },
	[SYMPTOM_SOCKET_OPEN_TO_ALL] = { "socket-open-to-all",
	    "every user of this machine can write false records into the "
	    "audit log" },
	[SYMPTOM_SOCKET_ON_NETWORK] = { "socket-on-network",
	    "the milter protocol is neither encrypted nor authenticated: "
	    "whoever reaches the port can forge sessions and read what is "
	    "asked" },
	[SYMPTOM_SLOW_TCP] = { "slow-tcp",
	    "Postfix sends the macros of DATA without waiting; over TCP, "
	    "Nagle's algorithm and delayed acknowledgements then cost 44 ms a "
	    "message" },
	[SYMPTOM_STORE_MISSING] = { "store-missing",
	    "without a store every answer is that of on-error" },
	[SYMPTOM_STORE_UNUSABLE] = { "store-unusable",
	    "without a store every answer is that of on-error" },
	[SYMPTOM_STORE_CLOSED_TO_DAEMON] = { "store-closed-to-daemon",
	    "a reader needs to read the store and to write its lock file; "
	    "without them every answer is that of on-error" },
	[SYMPTOM_STORE_OLD] = { "store-old",
	    "the rules in the file are not those that are in force" },
	[SYMPTOM_RULES_BAD] = { "rules-bad",
	    "the next build will fail; the old rules stay in force until "
	    "then" },
	[SYMPTOM_AUDIT_NOT_WRITABLE] = { "audit-not-writable",
	    "no mail is accepted unrecorded: all of it is deferred" },
	[SYMPTOM_AUDIT_READABLE_BY_ALL] = { "audit-readable-by-all",
	    "it says who wrote to whom" },
	[SYMPTOM_AUDIT_UNREADABLE] = { "audit-unreadable",
	    "what the sessions looked like could not be examined" },
	[SYMPTOM_POSTFIX_NO_MILTER] = { "postfix-no-milter",
	    "Postfix does not ask the daemon, so no mail is judged" },
	[SYMPTOM_POSTFIX_SERVICE_WITHOUT] = { "postfix-service-without",
	    "mail that comes in there is not judged" },
	[SYMPTOM_POSTFIX_LOCAL_WITHOUT] = { "postfix-local-without",
	    "mail submitted by sendmail(1) is exempt, but missing from the "
	    "audit log" },
	[SYMPTOM_POSTFIX_CHROOT] = { "postfix-chroot",
	    "a chrooted smtpd(8) sees only what is below its queue directory, "
	    "so it never reaches the daemon" },
	[SYMPTOM_POSTFIX_DEFAULT_ACTION] = { "postfix-default-action",
	    "what happens while the daemon is down: accept lets all mail in "
	    "unjudged, reject refuses it for good" },
	[SYMPTOM_POSTFIX_PROTOCOL] = { "postfix-protocol",
	    "macros can be asked for from protocol 6 on; the daemon turns "
	    "others away" },
	[SYMPTOM_POSTFIX_NO_TLS] = { "postfix-no-tls",
	    "STARTTLS is not offered: every session is in clear and every "
	    "rule fails" },
	[SYMPTOM_POSTFIX_NO_CCERT] = { "postfix-no-ccert",
	    "clients are never asked for a certificate: no VERIFY rule is "
	    "ever met" },
	[SYMPTOM_POSTFIX_NO_CA] = { "postfix-no-ca",
	    "no client certificate can be verified: no VERIFY rule is ever "
	    "met" },
	[SYMPTOM_POSTFIX_RECEIVED] = { "postfix-received",
	    "the message itself does not show how it came, when the audit log "
	    "is doubted" },
	[SYMPTOM_POSTFIX_FAKE_MACROS] = { "postfix-fake-macros",
	    "a constant says nothing of a session: what Postfix does not know "
	    "itself is not believed, or worse, is believed by other milters" },
	[SYMPTOM_SENDMAIL_NO_FILTER] = { "sendmail-no-filter",
	    "sendmail does not ask the daemon, so no mail is judged" },
	[SYMPTOM_SENDMAIL_FILTER_UNUSED] = { "sendmail-filter-unused",
	    "a filter that is only defined is never asked" },
	[SYMPTOM_SENDMAIL_FLAG] = { "sendmail-flag",
	    "what happens while the daemon is down: without F=T (or F=4) mail "
	    "is let in unjudged, with F=R it is refused for good" },
	[SYMPTOM_SENDMAIL_TIMEOUTS] = { "sendmail-timeouts",
	    "by default sendmail waits minutes for a milter that hangs" },
	[SYMPTOM_SENDMAIL_NO_TLS] = { "sendmail-no-tls",
	    "STARTTLS is not offered: every session is in clear and every "
	    "rule fails" },
	[SYMPTOM_SENDMAIL_NO_CA] = { "sendmail-no-ca",
	    "no client certificate can be verified: {verify} is never OK" },
	[SYMPTOM_SENDMAIL_NO_CCERT] = { "sendmail-no-ccert",
	    "clients are never asked for a certificate: no VERIFY rule is "
	    "ever met" },
	[SYMPTOM_NO_RECORDS] = { "no-records",
	    "no MTA has asked the daemon about a message yet" },
	[SYMPTOM_MACROS_MISSING] = { "macros-missing",
	    "rules about what the MTA does not tell cannot be met" },
	[SYMPTOM_NO_TLS_SEEN] = { "no-tls-seen",
	    "either STARTTLS is not offered, or TLS ends before the MTA" },
	[SYMPTOM_TLS_PROXY] = { "tls-proxy",
	    "that looks like a proxy or load balancer where TLS ends: the MTA "
	    "cannot tell these sessions from those in clear" },
	[SYMPTOM_NO_CERTIFICATE_SEEN] = { "no-certificate-seen",
	    "a rule asks for a verified certificate and no client was ever "
	    "verified" },
};

const char *
symptom_name(enum symptom_kind kind)
{
	return rows[kind].name;
}

const char *
symptom_why(enum symptom_kind kind)
{
	return rows[kind].why;
}

void
symptoms_init(struct symptoms *list)
{
	memset(list, 0, sizeof *list);
}

void
symptoms_free(struct symptoms *list)
{
	free(list->all);
	symptoms_init(list);
}

static struct symptom *
next(struct symptoms *list)
{
	size_t wanted = list->allocated == 0 ? 16 : list->allocated * 2;
	struct symptom *more;

	if (list->n == list->allocated) {
		more = realloc(list->all, wanted * sizeof *more);
		if (more == NULL) {
			list->failed = true;
			return NULL;
		}
		list->all = more;
		list->allocated = wanted;
	}
	return &list->all[list->n++];
}

/*
 * What came from outside must not steer a terminal.  Lines stay lines.  Made
 * longer by an escape, the text may be cut.
 */
static void
defuse(char *s, size_t size)
{
	char raw[SYMPTOM_LINES_MAX];
	struct slice rest, line;
	struct text out;

	snprintf(raw, sizeof raw, "%s", s);
	rest = slice_of(raw);
	text_init(&out, s, size);
	out.utf8 = true;
	while (slice_next(&rest, '\n', &line)) {
		text_put_printable(&out, line);
		if (rest.n > 0 || raw[strlen(raw) - 1] == '\n')
			text_char(&out, '\n');
	}
}

struct symptom *
symptoms_add(struct symptoms *list, enum symptom_kind kind, const char *what,
    ...)
{
	struct symptom *f = next(list);
	va_list ap;

	if (f == NULL)
		return NULL;
	f->kind = kind;
	f->place[0] = f->lines[0] = '\0';
	va_start(ap, what);
	vsnprintf(f->what, sizeof f->what, what, ap);
	va_end(ap);
	defuse(f->what, sizeof f->what);
	return f;
}

void
symptom_mend(struct symptom *f, const char *place, const char *lines, ...)
{
	va_list ap;

	if (f == NULL)
		return;
	snprintf(f->place, sizeof f->place, "%s", place);
	va_start(ap, lines);
	vsnprintf(f->lines, sizeof f->lines, lines, ap);
	va_end(ap);
	defuse(f->lines, sizeof f->lines);
}
