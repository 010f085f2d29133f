/*
 * kind.h - the words for what doctor finds.
 *
 * To add a kind: an enumerator here, a row in kind.c, the check that finds it,
 * a line in tlspolicy-doctor(1), a set-up in t/lib/Tlspolicy/Setups.pm.
 */
#ifndef TLSPOLICY_DOCTOR_KIND_H
#define TLSPOLICY_DOCTOR_KIND_H

#include "policy/base/fault.h"
#include "policy/base/finding.h"
#include "policy/base/slice.h"

enum doctor_kind {
	DOCTOR_DAEMON_DOWN,
	DOCTOR_DAEMON_SILENT,
	DOCTOR_SOCKET_CLOSED_TO_MTA,
	DOCTOR_SOCKET_GROUP_REFUSED,
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
	DOCTOR_POSTFIX_MILTERS_OFF,
	DOCTOR_POSTFIX_MILTER_MAPS,
	DOCTOR_POSTFIX_LOCAL_WITHOUT,
	DOCTOR_POSTFIX_CHROOT,
	DOCTOR_POSTFIX_DEFAULT_ACTION,
	DOCTOR_POSTFIX_PROTOCOL,
	DOCTOR_POSTFIX_NO_TLS,
	DOCTOR_POSTFIX_NO_CERTIFICATE,
	DOCTOR_POSTFIX_NO_CCERT,
	DOCTOR_POSTFIX_NO_CA,
	DOCTOR_POSTFIX_RECEIVED,
	DOCTOR_POSTFIX_FAKE_MACROS,
	DOCTOR_POSTFIX_NO_MAP,
	DOCTOR_POSTFIX_MAP_BEHIND,
	DOCTOR_POSTFIX_LEVEL,
	DOCTOR_POSTFIX_LIMITS,
	DOCTOR_POSTFIX_NO_SERVER_CA,
	DOCTOR_POSTFIX_RELAY,
	DOCTOR_POSTFIX_PROXY_MAPS,
	DOCTOR_POSTFIX_TLS_REQUIRED,
	DOCTOR_SOCKETMAP_OFF,
	DOCTOR_MAP_DOWN,
	DOCTOR_MAP_CLOSED_TO_MTA,
	DOCTOR_SENDMAIL_NO_FILTER,
	DOCTOR_SENDMAIL_FILTER_UNUSED,
	DOCTOR_SENDMAIL_DAEMON_WITHOUT,
	DOCTOR_SENDMAIL_FLAG,
	DOCTOR_SENDMAIL_TIMEOUTS,
	DOCTOR_SENDMAIL_NO_TLS,
	DOCTOR_SENDMAIL_NO_CA,
	DOCTOR_SENDMAIL_NO_CCERT,
	DOCTOR_SENDMAIL_NO_MAP,
	DOCTOR_SENDMAIL_NO_QUESTION,
	DOCTOR_CA_UNUSABLE,
	DOCTOR_CERTIFICATE_UNUSABLE,
	DOCTOR_CERTIFICATE_UNSEEN,
	DOCTOR_CERTIFICATE_EXPIRED,
	DOCTOR_CERTIFICATE_SOON,
	DOCTOR_CERTIFICATE_WEAK,
	DOCTOR_KEY_OPEN,
	DOCTOR_NO_MTA,
	DOCTOR_NOT_TRIED,
	DOCTOR_NOT_JUDGED,
	DOCTOR_NOT_SEEN,
	DOCTOR_TLS_DEAD,
	DOCTOR_NOT_IN_FORCE,
	DOCTOR_NO_RECORDS,
	DOCTOR_MACROS_MISSING,
	DOCTOR_NO_TLS_SEEN,
	DOCTOR_TLS_PROXY,
	DOCTOR_NO_CERTIFICATE_SEEN,
	DOCTOR_KINDS
};

enum doctor_severity {
	DOCTOR_UNJUDGED, /* mail is not judged, or not taken */
	DOCTOR_WEAK,	 /* rules cannot be met, or less is proved */
	DOCTOR_UNKNOWN	 /* could not be looked at, or tried */
};

struct doctor_row {
	enum doctor_severity severity;
	struct finding_kind kind; /* its advice is why it matters */
};

extern const struct doctor_row doctor_rows[DOCTOR_KINDS];

/* Of a finding's kind; "unjudged", "weak", "unknown". */
enum doctor_severity doctor_severity(const struct finding_kind *);
const char *doctor_severity_name(const struct finding_kind *);

/*
 * The setting silence: takes the findings that it names out of the list and
 * leaves them in `silenced`.  False with FAULT_SETTINGS: a word that is none.
 */
bool doctor_silence(struct findings *, const char *words,
    struct findings *silenced, struct fault *);

#endif
