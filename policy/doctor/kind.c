#include <string.h>

#include "policy/base/nearest.h"
#include "policy/doctor/kind.h"

const struct doctor_row doctor_rows[DOCTOR_KINDS] = {
	[DOCTOR_DAEMON_DOWN] = { DOCTOR_UNJUDGED, { "daemon-down",
	    "no mail is judged; what becomes of it is the MTA's default" } },
	[DOCTOR_DAEMON_SILENT] = { DOCTOR_UNJUDGED, { "daemon-silent",
	    "MTAs wait for it and then go on as their default says" } },
	[DOCTOR_SOCKET_CLOSED_TO_MTA] = { DOCTOR_UNJUDGED, { "socket-closed-to-mta",
	    "the MTA cannot connect, so no mail is judged" } },
	[DOCTOR_SOCKET_GROUP_REFUSED] = { DOCTOR_UNJUDGED, { "socket-group-refused",
	    "a daemon that is not in that group may not give the socket "
	    "to it: it ends at its start, again and again" } },
	[DOCTOR_SOCKET_OPEN_TO_ALL] = { DOCTOR_WEAK, { "socket-open-to-all",
	    "every user of this machine can write false records into the "
	    "audit log" } },
	[DOCTOR_SOCKET_ON_NETWORK] = { DOCTOR_WEAK, { "socket-on-network",
	    "the milter protocol is neither encrypted nor authenticated: "
	    "whoever reaches the port can forge sessions and read what "
	    "is asked" } },
	[DOCTOR_SLOW_TCP] = { DOCTOR_WEAK, { "slow-tcp",
	    "Postfix sends the macros of DATA without waiting; over TCP, "
	    "Nagle's algorithm and delayed acknowledgements then cost 44 "
	    "ms a message" } },
	[DOCTOR_STORE_MISSING] = { DOCTOR_UNJUDGED, { "store-missing",
	    "without a store every answer is that of on-error" } },
	[DOCTOR_STORE_UNUSABLE] = { DOCTOR_UNJUDGED, { "store-unusable",
	    "without a store every answer is that of on-error" } },
	[DOCTOR_STORE_CLOSED_TO_DAEMON] = { DOCTOR_UNJUDGED, { "store-closed-to-daemon",
	    "without a store every answer is that of on-error" } },
	[DOCTOR_STORE_NOT_ASKED] = { DOCTOR_UNJUDGED, { "store-not-asked",
	    "a session was answered by on-error: the daemon cannot read its "
	    "store, and its log says why" } },
	[DOCTOR_STORE_OLD] = { DOCTOR_WEAK, { "store-old",
	    "the rules in the file are not those that are in force" } },
	[DOCTOR_RULES_BAD] = { DOCTOR_WEAK, { "rules-bad",
	    "the next build will fail; the old rules stay in force until "
	    "then" } },
	[DOCTOR_HEADER_UNASKED] = { DOCTOR_UNJUDGED, { "header-unasked",
	    "whom a message says that it is from is not judged, whatever "
	    "these rules want" } },
	[DOCTOR_DISK_FULL] = { DOCTOR_UNJUDGED, { "disk-full",
	    "no mail is accepted unrecorded: all of it is deferred; nor can a "
	    "policy be built" } },
	[DOCTOR_DISK_READ_ONLY] = { DOCTOR_UNJUDGED, { "disk-read-only",
	    "the audit log has to be written, and a reader of the store "
	    "writes its lock file" } },
	[DOCTOR_AUDIT_NOT_WRITABLE] = { DOCTOR_UNJUDGED, { "audit-not-writable",
	    "no mail is accepted unrecorded: all of it is deferred" } },
	[DOCTOR_AUDIT_READABLE_BY_ALL] = { DOCTOR_WEAK, { "audit-readable-by-all",
	    "it says who wrote to whom" } },
	[DOCTOR_AUDIT_UNREADABLE] = { DOCTOR_UNKNOWN, { "audit-unreadable",
	    "what the sessions looked like could not be examined" } },
	[DOCTOR_AUDIT_KEY] = { DOCTOR_UNJUDGED, { "audit-key",
	    "a daemon does not start with it, and one that runs keeps the key "
	    "of its epoch, by which lines can be forged" } },
	[DOCTOR_POSTFIX_NO_MILTER] = { DOCTOR_UNJUDGED, { "postfix-no-milter",
	    "Postfix does not ask the daemon, so no mail is judged" } },
	[DOCTOR_POSTFIX_SERVICE_WITHOUT] = { DOCTOR_UNJUDGED, { "postfix-service-without",
	    "mail that comes in there is not judged" } },
	[DOCTOR_POSTFIX_MILTERS_OFF] = { DOCTOR_UNJUDGED, { "postfix-milters-off",
	    "with no_milters no milter is asked, whatever else is said" } },
	[DOCTOR_POSTFIX_MILTER_MAPS] = { DOCTOR_UNJUDGED, { "postfix-milter-maps",
	    "the table takes the place of smtpd_milters for the clients "
	    "that it names" } },
	[DOCTOR_POSTFIX_LOCAL_WITHOUT] = { DOCTOR_WEAK, { "postfix-local-without",
	    "mail submitted by sendmail(1) is exempt, but missing from "
	    "the audit log" } },
	[DOCTOR_POSTFIX_CHROOT] = { DOCTOR_UNJUDGED, { "postfix-chroot",
	    "a chrooted smtpd(8) or cleanup(8) sees only what is below "
	    "the queue directory, so it never reaches the daemon" } },
	[DOCTOR_POSTFIX_DEFAULT_ACTION] = { DOCTOR_WEAK, { "postfix-default-action",
	    "what happens while the daemon is down: accept lets all mail "
	    "in unjudged, reject refuses it for good" } },
	[DOCTOR_POSTFIX_PROTOCOL] = { DOCTOR_UNJUDGED, { "postfix-protocol",
	    "macros can be asked for from protocol 6 on; the daemon "
	    "turns others away" } },
	[DOCTOR_POSTFIX_NO_TLS] = { DOCTOR_WEAK, { "postfix-no-tls",
	    "STARTTLS is not offered: every session is in clear and "
	    "every rule fails" } },
	[DOCTOR_POSTFIX_NO_CERTIFICATE] = { DOCTOR_WEAK, { "postfix-no-certificate",
	    "STARTTLS is offered, and answered with 454 TLS not "
	    "available: every session is in clear" } },
	[DOCTOR_POSTFIX_NO_CCERT] = { DOCTOR_WEAK, { "postfix-no-ccert",
	    "clients are never asked for a certificate: no VERIFY rule "
	    "is ever met" } },
	[DOCTOR_POSTFIX_NO_CA] = { DOCTOR_WEAK, { "postfix-no-ca",
	    "no client certificate can be verified: no VERIFY rule is "
	    "ever met" } },
	[DOCTOR_POSTFIX_RECEIVED] = { DOCTOR_WEAK, { "postfix-received",
	    "the message itself does not show how it came, when the "
	    "audit log is doubted" } },
	[DOCTOR_POSTFIX_FAKE_MACROS] = { DOCTOR_WEAK, { "postfix-fake-macros",
	    "a constant says nothing of a session: what Postfix does not "
	    "know itself is not believed, or worse, is believed by other "
	    "milters" } },
	[DOCTOR_POSTFIX_NO_MAP] = { DOCTOR_WEAK, { "postfix-no-map",
	    "Postfix does not ask for the rules of mail that leaves" } },
	[DOCTOR_POSTFIX_MAP_BEHIND] = { DOCTOR_WEAK, { "postfix-map-behind",
	    "of a domain that a table before ours knows, no rule is "
	    "asked for" } },
	[DOCTOR_POSTFIX_LEVEL] = { DOCTOR_WEAK, { "postfix-level",
	    "an answer takes the place of Postfix's own level, and is only "
	    "never less than what outbound-default says" } },
	[DOCTOR_POSTFIX_LIMITS] = { DOCTOR_WEAK, { "postfix-limits",
	    "protocols= and exclude= of an answer take the place of what "
	    "main.cf says, and are only never less than these settings" } },
	[DOCTOR_POSTFIX_MATCH] = { DOCTOR_WEAK, { "postfix-match",
	    "an answer by VERIFY takes the place of "
	    "smtp_tls_secure_cert_match, and is only never less than what "
	    "outbound-match says" } },
	[DOCTOR_POSTFIX_NO_SERVER_CA] = { DOCTOR_WEAK, { "postfix-no-server-ca",
	    "no server's certificate can be verified: mail for a VERIFY "
	    "rule stays in the queue" } },
	[DOCTOR_POSTFIX_NO_DNSSEC] = { DOCTOR_WEAK, { "postfix-no-dnssec",
	    "no TLSA record is looked for: mail for a rule DANE stays in the "
	    "queue, for DANE:may it leaves in clear where it can; a resolver "
	    "that validates has to be on this machine" } },
	[DOCTOR_POSTFIX_RELAY] = { DOCTOR_WEAK, { "postfix-relay",
	    "Postfix asks for its next hop, never for the domain behind it: "
	    "such rules of TLS_Rcpt are never asked for" } },
	[DOCTOR_POSTFIX_BY_ADDRESS] = { DOCTOR_UNKNOWN, { "postfix-by-address",
	    "which next hop Postfix asks for depends on the sender or on the "
	    "whole address: whether rules for the domain are asked for is not "
	    "known; `tlspolicy outbound --from SENDER USER@DOMAIN' tells it "
	    "of one" } },
	[DOCTOR_POSTFIX_PROXY_MAPS] = { DOCTOR_WEAK, { "postfix-proxy-maps",
	    "proxymap(8) opens no table that is not in that list, and all "
	    "mail that leaves is deferred" } },
	[DOCTOR_POSTFIX_TLS_REQUIRED] = { DOCTOR_WEAK, { "postfix-tls-required",
	    "a message with the header field \"TLS-Required: no\" leaves at "
	    "the level may, whatever a rule says" } },
	[DOCTOR_POSTFIX_TLSRPT] = { DOCTOR_WEAK, { "postfix-tlsrpt",
	    "nobody is told by tlsrpt-socket whether TLS with servers "
	    "works" } },
	[DOCTOR_SOCKETMAP_OFF] = { DOCTOR_WEAK, { "socketmap-off",
	    "rules for mail that leaves are not asked for, and an MTA that "
	    "asks defers its mail" } },
	[DOCTOR_MAP_DOWN] = { DOCTOR_WEAK, { "map-down",
	    "an MTA that asks defers all mail that leaves" } },
	[DOCTOR_MAP_CLOSED_TO_MTA] = { DOCTOR_WEAK, { "map-closed-to-mta",
	    "an MTA that asks defers all mail that leaves" } },
	[DOCTOR_POSTFIX_NO_FEED] = { DOCTOR_WEAK, { "postfix-no-feed",
	    "Postfix tells fingerprints to its policy service only: rules on "
	    "FP and PKFP cannot be judged" } },
	[DOCTOR_POSTFIX_FEED_BEHIND] = { DOCTOR_WEAK, { "postfix-feed-behind",
	    "of whom a permit before it lets pass nothing is told: rules on "
	    "FP and PKFP cannot be judged of them" } },
	[DOCTOR_FEED_OFF] = { DOCTOR_WEAK, { "feed-off",
	    "under Postfix rules on FP and PKFP rest on it, and lint goes by "
	    "that setting" } },
	[DOCTOR_FEED_DOWN] = { DOCTOR_WEAK, { "feed-down",
	    "Postfix cannot tell fingerprints: rules on FP and PKFP cannot be "
	    "judged" } },
	[DOCTOR_FEED_CLOSED_TO_MTA] = { DOCTOR_WEAK, { "feed-closed-to-mta",
	    "Postfix cannot tell fingerprints: rules on FP and PKFP cannot be "
	    "judged" } },
	[DOCTOR_SENDMAIL_NO_FILTER] = { DOCTOR_UNJUDGED, { "sendmail-no-filter",
	    "sendmail does not ask the daemon, so no mail is judged" } },
	[DOCTOR_SENDMAIL_FILTER_UNUSED] = { DOCTOR_UNJUDGED, { "sendmail-filter-unused",
	    "a filter that is only defined is never asked" } },
	[DOCTOR_SENDMAIL_DAEMON_WITHOUT] = { DOCTOR_UNJUDGED, { "sendmail-daemon-without",
	    "mail that comes in there is not judged" } },
	[DOCTOR_SENDMAIL_FLAG] = { DOCTOR_WEAK, { "sendmail-flag",
	    "what happens while the daemon is down: without F=T (or F=4) "
	    "mail is let in unjudged, with F=R it is refused for good" } },
	[DOCTOR_SENDMAIL_TIMEOUTS] = { DOCTOR_WEAK, { "sendmail-timeouts",
	    "by default sendmail waits minutes for a milter that hangs" } },
	[DOCTOR_SENDMAIL_NO_TLS] = { DOCTOR_WEAK, { "sendmail-no-tls",
	    "STARTTLS is not offered: every session is in clear and "
	    "every rule fails" } },
	[DOCTOR_SENDMAIL_NO_CA] = { DOCTOR_WEAK, { "sendmail-no-ca",
	    "no client certificate can be verified: {verify} is never OK" } },
	[DOCTOR_SENDMAIL_NO_CCERT] = { DOCTOR_WEAK, { "sendmail-no-ccert",
	    "clients are never asked for a certificate: no VERIFY rule "
	    "is ever met" } },
	[DOCTOR_SENDMAIL_NO_MAP] = { DOCTOR_WEAK, { "sendmail-no-map",
	    "sendmail does not ask for the rules of mail that leaves" } },
	[DOCTOR_SENDMAIL_NO_QUESTION] = { DOCTOR_WEAK, { "sendmail-no-question",
	    "a map that cannot be opened or is lost holds no policy for "
	    "sendmail, and mail leaves in clear; these rulesets take no answer "
	    "for one" } },
	[DOCTOR_CA_UNUSABLE] = { DOCTOR_WEAK, { "ca-unusable",
	    "without its CAs an MTA verifies no client, and may offer no "
	    "TLS at all" } },
	[DOCTOR_CERTIFICATE_UNUSABLE] = { DOCTOR_WEAK, { "certificate-unusable",
	    "the MTA cannot show a certificate: STARTTLS fails, and mail "
	    "goes in clear" } },
	[DOCTOR_CERTIFICATE_UNSEEN] = { DOCTOR_UNKNOWN, { "certificate-unseen",
	    "whether the MTA can show a certificate is not known" } },
	[DOCTOR_CERTIFICATE_EXPIRED] = { DOCTOR_WEAK, { "certificate-expired",
	    "with peers that verify it no mail goes, or it goes in clear" } },
	[DOCTOR_CERTIFICATE_SOON] = { DOCTOR_WEAK, { "certificate-soon",
	    "from then on no mail goes with peers that verify it, or it goes "
	    "in clear" } },
	[DOCTOR_CERTIFICATE_WEAK] = { DOCTOR_WEAK, { "certificate-weak",
	    "peers that verify it may refuse it" } },
	[DOCTOR_CERTIFICATE_UNWATCHED] = { DOCTOR_WEAK, { "certificate-unwatched",
	    "the metrics say nothing of its end, so nobody is warned" } },
	[DOCTOR_KEY_OPEN] = { DOCTOR_WEAK, { "key-open",
	    "whoever has the key can pretend to be this MTA; sendmail "
	    "refuses such a file" } },
	[DOCTOR_NO_MTA] = { DOCTOR_UNKNOWN, { "no-mta",
	    "nothing is known of the MTAs of this machine, so nothing "
	    "was tried" } },
	[DOCTOR_NOT_TRIED] = { DOCTOR_UNKNOWN, { "not-tried",
	    "whether mail that comes in there is judged is not known" } },
	[DOCTOR_NOT_JUDGED] = { DOCTOR_UNJUDGED, { "not-judged",
	    "a session was there and the daemon knows nothing of it: "
	    "what runs is not what its files say" } },
	[DOCTOR_NOT_SEEN] = { DOCTOR_UNKNOWN, { "not-seen",
	    "without the audit log it is not known whether the session "
	    "was judged" } },
	[DOCTOR_TLS_DEAD] = { DOCTOR_WEAK, { "tls-dead",
	    "mail comes in clear, whatever its settings say" } },
	[DOCTOR_NOT_IN_FORCE] = { DOCTOR_WEAK, { "not-in-force",
	    "what runs is not what its files say" } },
	[DOCTOR_NO_RECORDS] = { DOCTOR_UNKNOWN, { "no-records",
	    "no MTA has asked the daemon about a message yet" } },
	[DOCTOR_MACROS_MISSING] = { DOCTOR_WEAK, { "macros-missing",
	    "rules about what the MTA does not tell cannot be met" } },
	[DOCTOR_NO_TLS_SEEN] = { DOCTOR_WEAK, { "no-tls-seen",
	    "either STARTTLS is not offered, or TLS ends before the MTA" } },
	[DOCTOR_TLS_PROXY] = { DOCTOR_WEAK, { "tls-proxy",
	    "that looks like a proxy or load balancer where TLS ends: "
	    "the MTA cannot tell these sessions from those in clear" } },
	[DOCTOR_NO_CERTIFICATE_SEEN] = { DOCTOR_WEAK, { "no-certificate-seen",
	    "a rule asks for a verified certificate and no client was "
	    "ever verified" } },
	[DOCTOR_FLEET_POLICY] = { DOCTOR_WEAK, { "fleet-policy",
	    "the same mail is judged otherwise there than elsewhere" } },
	[DOCTOR_FLEET_SETTINGS] = { DOCTOR_WEAK, { "fleet-settings",
	    "the same policy comes to other verdicts there" } },
	[DOCTOR_FLEET_VERSION] = { DOCTOR_WEAK, { "fleet-version",
	    "what the others have learnt, or had mended, is missing there, or "
	    "the other way round" } },
	[DOCTOR_FLEET_UNSEEN] = { DOCTOR_UNKNOWN, { "fleet-unseen",
	    "whether the node has changed as well its log does not tell" } },
	[DOCTOR_FLEET_UNTOLD] = { DOCTOR_UNKNOWN, { "fleet-untold",
	    "the node cannot be compared" } },
	[DOCTOR_FLEET_SILENT] = { DOCTOR_UNKNOWN, { "fleet-silent",
	    "the node is down, has no mail, or its log does not come here" } },
	[DOCTOR_FLEET_GAP] = { DOCTOR_WEAK, { "fleet-gap",
	    "what is missing is evidence of nothing" } },
	[DOCTOR_FLEET_ALONE] = { DOCTOR_UNKNOWN, { "fleet-alone",
	    "there is nothing to compare it with" } },
};

enum doctor_severity
doctor_severity(const struct finding_kind *kind)
{
	for (size_t i = 0; i < DOCTOR_KINDS; i++)
		if (&doctor_rows[i].kind == kind)
			return doctor_rows[i].severity;
	return DOCTOR_UNKNOWN;
}

const char *
doctor_severity_name(const struct finding_kind *kind)
{
	static const char *const names[] = {
		[DOCTOR_UNJUDGED] = "unjudged",
		[DOCTOR_WEAK] = "weak",
		[DOCTOR_UNKNOWN] = "unknown",
	};

	return names[doctor_severity(kind)];
}

static bool
is_kind(struct slice word, struct fault *f)
{
	char memory[128];
	struct nearest nearest;
	struct text hint;

	nearest_init(&nearest, word);
	for (size_t i = 0; i < DOCTOR_KINDS; i++) {
		const char *name = doctor_rows[i].kind.name;

		if (slice_is_nocase(word, name))
			return true;
		nearest_offer(&nearest, slice_of(name));
	}
	text_init(&hint, memory, sizeof memory);
	nearest_print(&nearest, &hint);
	return fault_set(f, FAULT_SETTINGS,
	    "setting silence: \"%.*s\" is no finding of doctor's%s",
	    SLICE_ARG(word), hint.buf);
}

static bool
names(const char *words, const char *name)
{
	struct slice rest = slice_of(words), word;

	while (slice_next_of(&rest, ", \t", &word))
		if (slice_is_nocase(word, name))
			return true;
	return false;
}

bool
doctor_silence(struct findings *all, const char *words,
    struct findings *silenced, struct fault *f)
{
	struct slice rest = slice_of(words), word;
	size_t kept = 0;

	while (slice_next_of(&rest, ", \t", &word))
		if (word.n > 0 && !is_kind(word, f))
			return false;
	for (size_t i = 0; i < all->n; i++) {
		const struct finding *one = &all->all[i];

		if (names(words, one->kind->name))
			findings_add(silenced, one->kind, "%s", one->what);
		else
			all->all[kept++] = *one;
	}
	all->n = kept;
	return true;
}
