#include "policy/doctor/doctor.h"

const struct finding_kind doctor_kinds[DOCTOR_KINDS] = {
	[DOCTOR_DAEMON_DOWN] = { "daemon-down",
	    "no mail is judged; what becomes of it is the MTA's default" },
	[DOCTOR_DAEMON_SILENT] = { "daemon-silent",
	    "MTAs wait for it and then go on as their default says" },
	[DOCTOR_SOCKET_CLOSED_TO_MTA] = { "socket-closed-to-mta",
	    "the MTA cannot connect, so no mail is judged" },
	[DOCTOR_SOCKET_OPEN_TO_ALL] = { "socket-open-to-all",
	    "every user of this machine can write false records into the "
	    "audit log" },
	[DOCTOR_SOCKET_ON_NETWORK] = { "socket-on-network",
	    "the milter protocol is neither encrypted nor authenticated: "
	    "whoever reaches the port can forge sessions and read what is "
	    "asked" },
	[DOCTOR_SLOW_TCP] = { "slow-tcp",
	    "Postfix sends the macros of DATA without waiting; over TCP, "
	    "Nagle's algorithm and delayed acknowledgements then cost 44 ms a "
	    "message" },
	[DOCTOR_STORE_MISSING] = { "store-missing",
	    "without a store every answer is that of on-error" },
	[DOCTOR_STORE_UNUSABLE] = { "store-unusable",
	    "without a store every answer is that of on-error" },
	[DOCTOR_STORE_CLOSED_TO_DAEMON] = { "store-closed-to-daemon",
	    "a reader needs to read the store and to write its lock file; "
	    "without them every answer is that of on-error" },
	[DOCTOR_STORE_OLD] = { "store-old",
	    "the rules in the file are not those that are in force" },
	[DOCTOR_RULES_BAD] = { "rules-bad",
	    "the next build will fail; the old rules stay in force until "
	    "then" },
	[DOCTOR_AUDIT_NOT_WRITABLE] = { "audit-not-writable",
	    "no mail is accepted unrecorded: all of it is deferred" },
	[DOCTOR_AUDIT_READABLE_BY_ALL] = { "audit-readable-by-all",
	    "it says who wrote to whom" },
	[DOCTOR_AUDIT_UNREADABLE] = { "audit-unreadable",
	    "what the sessions looked like could not be examined" },
	[DOCTOR_POSTFIX_NO_MILTER] = { "postfix-no-milter",
	    "Postfix does not ask the daemon, so no mail is judged" },
	[DOCTOR_POSTFIX_SERVICE_WITHOUT] = { "postfix-service-without",
	    "mail that comes in there is not judged" },
	[DOCTOR_POSTFIX_LOCAL_WITHOUT] = { "postfix-local-without",
	    "mail submitted by sendmail(1) is exempt, but missing from the "
	    "audit log" },
	[DOCTOR_POSTFIX_CHROOT] = { "postfix-chroot",
	    "a chrooted smtpd(8) or cleanup(8) sees only what is below the "
	    "queue directory, so it never reaches the daemon" },
	[DOCTOR_POSTFIX_DEFAULT_ACTION] = { "postfix-default-action",
	    "what happens while the daemon is down: accept lets all mail in "
	    "unjudged, reject refuses it for good" },
	[DOCTOR_POSTFIX_PROTOCOL] = { "postfix-protocol",
	    "macros can be asked for from protocol 6 on; the daemon turns "
	    "others away" },
	[DOCTOR_POSTFIX_NO_TLS] = { "postfix-no-tls",
	    "STARTTLS is not offered: every session is in clear and every "
	    "rule fails" },
	[DOCTOR_POSTFIX_NO_CCERT] = { "postfix-no-ccert",
	    "clients are never asked for a certificate: no VERIFY rule is "
	    "ever met" },
	[DOCTOR_POSTFIX_NO_CA] = { "postfix-no-ca",
	    "no client certificate can be verified: no VERIFY rule is ever "
	    "met" },
	[DOCTOR_POSTFIX_RECEIVED] = { "postfix-received",
	    "the message itself does not show how it came, when the audit log "
	    "is doubted" },
	[DOCTOR_POSTFIX_FAKE_MACROS] = { "postfix-fake-macros",
	    "a constant says nothing of a session: what Postfix does not know "
	    "itself is not believed, or worse, is believed by other milters" },
	[DOCTOR_SENDMAIL_NO_FILTER] = { "sendmail-no-filter",
	    "sendmail does not ask the daemon, so no mail is judged" },
	[DOCTOR_SENDMAIL_FILTER_UNUSED] = { "sendmail-filter-unused",
	    "a filter that is only defined is never asked" },
	[DOCTOR_SENDMAIL_FLAG] = { "sendmail-flag",
	    "what happens while the daemon is down: without F=T (or F=4) mail "
	    "is let in unjudged, with F=R it is refused for good" },
	[DOCTOR_SENDMAIL_TIMEOUTS] = { "sendmail-timeouts",
	    "by default sendmail waits minutes for a milter that hangs" },
	[DOCTOR_SENDMAIL_NO_TLS] = { "sendmail-no-tls",
	    "STARTTLS is not offered: every session is in clear and every "
	    "rule fails" },
	[DOCTOR_SENDMAIL_NO_CA] = { "sendmail-no-ca",
	    "no client certificate can be verified: {verify} is never OK" },
	[DOCTOR_SENDMAIL_NO_CCERT] = { "sendmail-no-ccert",
	    "clients are never asked for a certificate: no VERIFY rule is "
	    "ever met" },
	[DOCTOR_NO_RECORDS] = { "no-records",
	    "no MTA has asked the daemon about a message yet" },
	[DOCTOR_MACROS_MISSING] = { "macros-missing",
	    "rules about what the MTA does not tell cannot be met" },
	[DOCTOR_NO_TLS_SEEN] = { "no-tls-seen",
	    "either STARTTLS is not offered, or TLS ends before the MTA" },
	[DOCTOR_TLS_PROXY] = { "tls-proxy",
	    "that looks like a proxy or load balancer where TLS ends: the MTA "
	    "cannot tell these sessions from those in clear" },
	[DOCTOR_NO_CERTIFICATE_SEEN] = { "no-certificate-seen",
	    "a rule asks for a verified certificate and no client was ever "
	    "verified" },
};
