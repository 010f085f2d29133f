/*
 * doctor.h - looks at a running daemon and at the MTAs that should ask it.
 *
 * Nothing is changed, and nothing is sent but the opening of a milter session
 * that ends before it has begun.  Each function adds what it finds; a fault is
 * for what kept it from looking.
 *
 * Threads: not safe (access.h); the daemon's functions wait at most 5 s.
 */
#ifndef TLSPOLICY_DOCTOR_DOCTOR_H
#define TLSPOLICY_DOCTOR_DOCTOR_H

#include "policy/base/fault.h"
#include "policy/base/finding.h"

/*
 * To add a kind: an enumerator here, a row in kind.c, the check that finds it,
 * a line in tlspolicy-doctor(1).
 */
enum doctor_kind {
	DOCTOR_DAEMON_DOWN,
	DOCTOR_DAEMON_SILENT,
	DOCTOR_SOCKET_CLOSED_TO_MTA,
	DOCTOR_SOCKET_OPEN_TO_ALL,
	DOCTOR_SOCKET_ON_NETWORK,
	DOCTOR_SLOW_TCP,
	DOCTOR_STORE_MISSING,
	DOCTOR_STORE_UNUSABLE,
	DOCTOR_STORE_CLOSED_TO_DAEMON,
	DOCTOR_STORE_OLD,
	DOCTOR_RULES_BAD,
	DOCTOR_AUDIT_NOT_WRITABLE,
	DOCTOR_AUDIT_READABLE_BY_ALL,
	DOCTOR_AUDIT_UNREADABLE,
	DOCTOR_POSTFIX_NO_MILTER,
	DOCTOR_POSTFIX_SERVICE_WITHOUT,
	DOCTOR_POSTFIX_LOCAL_WITHOUT,
	DOCTOR_POSTFIX_CHROOT,
	DOCTOR_POSTFIX_DEFAULT_ACTION,
	DOCTOR_POSTFIX_PROTOCOL,
	DOCTOR_POSTFIX_NO_TLS,
	DOCTOR_POSTFIX_NO_CCERT,
	DOCTOR_POSTFIX_NO_CA,
	DOCTOR_POSTFIX_RECEIVED,
	DOCTOR_POSTFIX_FAKE_MACROS,
	DOCTOR_SENDMAIL_NO_FILTER,
	DOCTOR_SENDMAIL_FILTER_UNUSED,
	DOCTOR_SENDMAIL_FLAG,
	DOCTOR_SENDMAIL_TIMEOUTS,
	DOCTOR_SENDMAIL_NO_TLS,
	DOCTOR_SENDMAIL_NO_CA,
	DOCTOR_SENDMAIL_NO_CCERT,
	DOCTOR_NO_RECORDS,
	DOCTOR_MACROS_MISSING,
	DOCTOR_NO_TLS_SEEN,
	DOCTOR_TLS_PROXY,
	DOCTOR_NO_CERTIFICATE_SEEN,
	DOCTOR_KINDS
};

/* Their advice is why it matters. */
extern const struct finding_kind doctor_kinds[DOCTOR_KINDS];

/* What the settings say; strings are the caller's. */
struct doctor {
	const char *conf;	/* the settings file, for lines to add to it */
	const char *socket;	/* unix:/PATH, inet:PORT@HOST, inet6: */
	const char *user;	/* of the daemon */
	const char *store, *audit_file;
	struct findings *findings;
};

/* One more finding: findings_add(), by the word for its kind. */
#define doctor_add(d, kind, ...) \
	findings_add((d)->findings, &doctor_kinds[kind], __VA_ARGS__)

/*
 * Where tlspolicy-milter.socket listens while it is active, as the setting
 * socket would say it, in `memory`; else NULL.
 */
const char *doctor_unit_socket(char *memory, size_t size);

/* Does somebody listen, and answer as a milter? */
void doctor_daemon(const struct doctor *);

/* Can this user of an MTA, in this group, connect? */
void doctor_socket_for(const struct doctor *, const char *user);

/* The path of a unix socket, else NULL. */
const char *doctor_socket_path(const struct doctor *);

/* May the daemon's user read the store and write lock file and audit log? */
void doctor_files(const struct doctor *);

/* A Postfix by its folder with main.cf.  False: postconf(1) does not run. */
bool doctor_postfix(const struct doctor *, const char *dir, struct fault *);

/* A sendmail by its .cf or .mc file.  False: it cannot be read. */
bool doctor_sendmail(const struct doctor *, const char *path, struct fault *);

/* The last `most` records of the audit log. */
void doctor_audit(const struct doctor *, unsigned long most);

#endif
