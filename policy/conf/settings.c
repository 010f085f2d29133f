/*
 * The one table of settings, and what is made of it.  Nothing outside this
 * file names a setting by a string.
 */
#include <string.h>

#include "policy/base/nearest.h"
#include "policy/conf/setting.h"

#define FIELD(f) .offset = offsetof(struct settings, f), \
	.size = sizeof(((struct settings *)NULL)->f)
/* A row of a text that may be empty, and is unless it is set. */
#define TEXT(n, t, f, h) { .name = n, .type = &setting_type_##t, FIELD(f), \
	.may_be_empty = true, .help = h }

static const char *const engines[] = { "libmilter", "own", NULL };
static const char *const modes[] = { "enforce", "monitor", NULL };
static const char *const classes[] = { "temp", "perm", NULL };
static const char *const on_errors[] = { "tempfail", "accept", NULL };
static const char *const compats[] = { "none", "sendmail", NULL };
static const char *const syncs[] = { "none", "batch", "each", NULL };
static const char *const fulls[] = { "tempfail", "block", NULL };
static const char *const no_yes[] = { "no", "yes", NULL };
static const char *const inexpressibles[] = { "refuse", "weaken", NULL };
static const char *const outbound_levels[] = { "none", "may", "encrypt", "dane",
	"dane-only", "fingerprint", "verify", "secure", NULL };
static const char *const versions[] = { "1.0", "1.1", "1.2", "1.3", NULL };
static const char *const matches[] = { "nexthop:dot-nexthop", "nexthop",
	"dot-nexthop", "none", NULL };
static const char *const servernames[] = { "hostname", "none", NULL };
static const char *const header_froms[] = { "no", "judge", NULL };
static const char *const levels[] = { "error", "warning", "info", "debug",
	NULL };

/* What a row leaves out is false or nothing; see setting.h. */
static const struct setting table[] = {
	{
		.name = "socket",
		.type = &setting_type_socket,
		FIELD(socket),
		.default_text = "unix:/run/tlspolicy/milter.sock",
		.help = "Where the daemon listens for the MTA.",
	},
	{
		.name = "socket-mode",
		.type = &setting_type_mode,
		FIELD(socket_mode),
		.default_text = "0660",
		.max = 0777,
		.help = "Permission bits of a unix socket.",
	},
	TEXT("socket-group", account, socket_group,
	    "Group of a unix socket; empty: that of the daemon."),
	{
		.name = "engine",
		.type = &setting_type_word,
		FIELD(engine),
		.default_text = "libmilter",
		.words = engines,
		.help = "Who speaks with MTAs: the library, or tlspolicy's "
		    "own threads.",
	},
	TEXT("user", account, user,
	    "User that a daemon started as root becomes; empty: it stays."),
	{
		.name = "store",
		.type = &setting_type_path,
		FIELD(store),
		.default_text = TLSPOLICY_STATEDIR "/policy.mdb",
		.help = "The compiled policy, an LMDB file on a local disk.",
	},
	{
		.name = "rules",
		.type = &setting_type_paths,
		FIELD(rules),
		.default_text = TLSPOLICY_SYSCONFDIR "/rules",
		.max = SETTINGS_PATHS_MAX,
		.reloadable = true,
		.help = "The policy as text, what `tlspolicy build` compiles: "
		    "files, and folders with files *.rules.",
	},
	{
		.name = "claims",
		.type = &setting_type_path,
		FIELD(claims),
		.default_text = SETTINGS_DEFAULT_CLAIMS,
		.may_be_empty = true,
		.reloadable = true,
		.help = "What must hold of the rules, or they do not come into "
		    "force: a file, or a folder of *.claims.",
	},
	{
		.name = "mode",
		.type = &setting_type_word,
		FIELD(mode),
		.default_text = "enforce",
		.words = modes,
		.reloadable = true,
		.verdict = true,
		.help = "With monitor nothing is refused and all is recorded.",
	},
	{
		.name = "default-class",
		.type = &setting_type_word,
		FIELD(default_class),
		.default_text = "temp",
		.words = classes,
		.reloadable = true,
		.verdict = true,
		.help = "What a rule without PERM, TEMP, WARN or HOLD does.",
	},
	{
		.name = "on-error",
		.type = &setting_type_word,
		FIELD(on_error),
		.default_text = "tempfail",
		.words = on_errors,
		.reloadable = true,
		.verdict = true,
		.help = "What is done when the policy cannot be asked or "
		    "cannot tell.",
	},
	{
		.name = "compat",
		.type = &setting_type_word,
		FIELD(compat),
		.default_text = "none",
		.words = compats,
		.reloadable = true,
		.verdict = true,
		.help = "With sendmail: its reply codes and texts, and names "
		    "in unverified certificates are believed.",
	},
	{
		.name = "exempt-clients",
		.type = &setting_type_prefixes,
		FIELD(exempt),
		.default_text = "127.0.0.0/8, ::1",
		.max = SETTINGS_EXEMPT_MAX,
		.may_be_empty = true,
		.reloadable = true,
		.verdict = true,
		.help = "Clients that are never refused.",
	},
	{
		.name = "local-domains",
		.type = &setting_type_domains,
		FIELD(local_domains),
		.may_be_empty = true,
		.reloadable = true,
		.verdict = true,
		.help = "Domains behind addresses without one; empty: {j} and "
		    "its parent.",
	},
	{
		.name = "history",
		.type = &setting_type_days,
		FIELD(history),
		.default_text = "400d",
		.max = 36500,
		.reloadable = true,
		.help = "How long the store keeps generations of the policy.",
	},
	{
		.name = "audit-file",
		.type = &setting_type_path,
		FIELD(audit_file),
		.default_text = TLSPOLICY_LOGDIR "/audit.jsonl",
		.help = "The audit log; SIGHUP opens it again.",
	},
	{
		.name = "audit-sync",
		.type = &setting_type_word,
		FIELD(audit_sync),
		.default_text = "batch",
		.words = syncs,
		.reloadable = true,
		.help = "When the audit log is forced to the disk.",
	},
	{
		.name = "audit-full",
		.type = &setting_type_word,
		FIELD(audit_full),
		.default_text = "tempfail",
		.words = fulls,
		.reloadable = true,
		.help = "What is done while the audit log cannot take a line.",
	},
	TEXT("audit-key-file", path, audit_key_file,
	    "Key of the audit log's chain (HMAC); empty: plain digests."),
	TEXT("checkpoint-key-file", path, checkpoint_key_file,
	    "Key that signs checkpoints of the audit log; empty: none are "
	    "made."),
	{
		.name = "checkpoint-interval",
		.type = &setting_type_duration,
		FIELD(checkpoint_interval),
		.default_text = "10m",
		.max = 86400,
		.help = "How long after a checkpoint the next one is made.",
	},
	TEXT("checkpoint-file", path, checkpoint_file,
	    "Where checkpoints are appended, besides the log."),
	{
		.name = "privacy",
		.type = &setting_type_kept,
		FIELD(privacy),
		.default_text = "off",
		.max = 3650,
		.reloadable = true,
		.help = "With days:N people are not in the audit log but in "
		    "salts beside it, erased N days after their day.",
	},
	TEXT("state-folder", path, state_folder,
	    "Where the daemon notes where its audit log ends, and keeps "
	    "salts; empty: the store's folder."),
	{
		.name = "socketmap",
		.type = &setting_type_map_listener,
		FIELD(socketmap),
		.default_text = "off",
		.help = "Where MTAs ask for the policy of outbound mail.",
	},
	{
		.name = "socketmap-mode",
		.type = &setting_type_mode,
		FIELD(socketmap_mode),
		.default_text = "0660",
		.max = 0777,
		.help = "Permission bits of the socketmap's unix socket.",
	},
	TEXT("socketmap-group", account, socketmap_group,
	    "Group of the socketmap's unix socket; empty: that of the "
	    "daemon."),
	{
		.name = "facts-socket",
		.type = &setting_type_unix_listener,
		FIELD(facts_socket),
		.default_text = "off",
		.help = "Where Postfix's check_policy_service tells what no "
		    "macro does: fingerprints of certificates.",
	},
	{
		.name = "facts-socket-mode",
		.type = &setting_type_mode,
		FIELD(facts_socket_mode),
		.default_text = "0660",
		.max = 0777,
		.help = "Permission bits of facts-socket: who may connect is "
		    "believed.",
	},
	TEXT("facts-socket-group", account, facts_socket_group,
	    "Group of facts-socket; empty: that of the daemon."),
	{
		.name = "tlsrpt-socket",
		.type = &setting_type_unix_listener,
		FIELD(tlsrpt_socket),
		.default_text = "off",
		.help = "Where Postfix tells of TLS with servers, "
		    "smtp_tlsrpt_socket_name.",
	},
	{
		.name = "tlsrpt-socket-mode",
		.type = &setting_type_mode,
		FIELD(tlsrpt_socket_mode),
		.default_text = "0660",
		.max = 0777,
		.help = "Permission bits of tlsrpt-socket: who may write to "
		    "it is believed.",
	},
	TEXT("tlsrpt-socket-group", account, tlsrpt_socket_group,
	    "Group of tlsrpt-socket; empty: that of the daemon."),
	{
		.name = "tlsrpt-forward",
		.type = &setting_type_unix_listener,
		FIELD(tlsrpt_forward),
		.default_text = "off",
		.help = "To whom what comes there is passed on: the socket "
		    "of tlsrpt-collectd.",
	},
	{
		.name = "inexpressible",
		.type = &setting_type_word,
		FIELD(inexpressible),
		.default_text = "refuse",
		.words = inexpressibles,
		.reloadable = true,
		.verdict = true,
		.help = "What an MTA is told of an outbound rule that its own "
		    "words cannot express: that nothing may leave, or less "
		    "than the rule.",
	},
	{
		.name = "outbound-default",
		.type = &setting_type_word,
		FIELD(outbound_default),
		.default_text = "may",
		.words = outbound_levels,
		.reloadable = true,
		.verdict = true,
		.help = "Postfix's own level, smtp_tls_security_level: no "
		    "answer to it demands less, but for an exception.",
	},
	{
		.name = "outbound-match",
		.type = &setting_type_word,
		FIELD(outbound_match),
		.default_text = "nexthop:dot-nexthop",
		.words = matches,
		.reloadable = true,
		.verdict = true,
		.help = "Which of these Postfix's own "
		    "smtp_tls_secure_cert_match has: a rule VERIFY is told "
		    "with no others.",
	},
	{
		.name = "outbound-version",
		.type = &setting_type_word,
		FIELD(outbound_version),
		.default_text = "1.0",
		.words = versions,
		.reloadable = true,
		.help = "The oldest version of TLS in Postfix's own "
		    "smtp_tls_mandatory_protocols: no answer names an older "
		    "one.",
	},
	{
		.name = "outbound-exclude",
		.type = &setting_type_suites,
		FIELD(outbound_exclude),
		.may_be_empty = true,
		.reloadable = true,
		.help = "Postfix's own smtp_tls_mandatory_exclude_ciphers and "
		    "smtp_tls_exclude_ciphers: part of each answer that "
		    "excludes some.",
	},
	{
		.name = "outbound-resolver",
		.type = &setting_type_resolver,
		FIELD(outbound_resolver),
		.default_text = "off",
		.verdict = true,
		.help = "A resolver of MTA-STS or DANE for Postfix, asked "
		    "beside the rules.",
	},
	{
		.name = "outbound-servername",
		.type = &setting_type_word,
		FIELD(outbound_servername),
		.default_text = "hostname",
		.words = servernames,
		.reloadable = true,
		.verdict = true,
		.help = "What Postfix is told to send as SNI where a "
		    "certificate matters.",
	},
	TEXT("directory", directories, directory,
	    "Where `tlspolicy sync` finds the rules: LDAP servers, tried in "
	    "this order."),
	TEXT("directory-base", entry, directory_base,
	    "The entry below which they stand."),
	TEXT("directory-bind", entry, directory_bind,
	    "As whom they are read: a name, external (the certificate), or "
	    "empty: nobody."),
	TEXT("directory-password-file", path, directory_password_file,
	    "The password of that name."),
	TEXT("directory-ca-file", path, directory_ca_file,
	    "CA of the servers' certificates."),
	TEXT("directory-certificate-file", path, directory_certificate_file,
	    "Certificate of this node for the servers."),
	TEXT("directory-key-file", path, directory_key_file,
	    "Its key."),
	{
		.name = "help-url",
		.type = &setting_type_url,
		FIELD(help_url),
		.max = 180, /* a line has 199 */
		.may_be_empty = true,
		.reloadable = true,
		.help = "A last line of each refusal.",
	},
	{
		.name = "add-header",
		.type = &setting_type_word,
		FIELD(add_header),
		.default_text = "no",
		.words = no_yes,
		.reloadable = true,
		.help = "Whether accepted mail gets a header field with its "
		    "result.",
	},
	{
		.name = "header-from",
		.type = &setting_type_word,
		FIELD(header_from),
		.default_text = "no",
		.words = header_froms,
		.reloadable = true,
		.verdict = true,
		.help = "Whether TLS_Header rules are asked about the From "
		    "field of the header.",
	},
	{
		.name = "metrics",
		.type = &setting_type_listener,
		FIELD(metrics),
		.default_text = "off",
		.help = "Where counters are served by HTTP.",
	},
	{
		.name = "watch-certificates",
		.type = &setting_type_paths,
		FIELD(watch_certificates),
		.max = SETTINGS_PATHS_MAX,
		.may_be_empty = true,
		.reloadable = true,
		.help = "Files with certificates whose end is told: the MTA's.",
	},
	{
		.name = "log-level",
		.type = &setting_type_word,
		FIELD(log_level),
		.default_text = "info",
		.words = levels,
		.reloadable = true,
		.help = "How much the daemon logs.",
	},
	{
		.name = "silence",
		.type = &setting_type_names,
		FIELD(silence),
		.may_be_empty = true,
		.reloadable = true,
		.help = "Findings that `tlspolicy doctor` does not tell.",
	},
	{ .name = NULL }
};

const struct setting *
setting_table(void)
{
	return table;
}

const struct setting *
setting_find(struct slice name, struct fault *f)
{
	char hint_text[80];
	struct nearest nearest;
	struct text hint;

	nearest_init(&nearest, name);
	for (const struct setting *row = table; row->name != NULL; row++) {
		if (slice_is_nocase(name, row->name))
			return row;
		nearest_offer(&nearest, slice_of(row->name));
	}
	text_init(&hint, hint_text, sizeof hint_text);
	nearest_print(&nearest, &hint);
	fault_set(f, FAULT_SETTINGS, "there is no setting \"%.*s\"%s",
	    SLICE_ARG(name), hint.buf);
	return NULL;
}
