/*
 * symptom.h - what the doctor found: what is so, why it matters, and the exact
 * lines that mend it.
 *
 * Each kind is one row: its word for scripts and its reason for people.  What
 * was seen, and the lines with the place they belong to, are the finding's.
 *
 * To add a kind: an enumerator here, a row in symptom.c, the check that finds
 * it in a doctor-*.c, a line in tlspolicy-doctor(1).
 *
 * Ownership: a list owns its texts until symptoms_free(); texts that are too
 * long are cut.  Threads: no state.
 */
#ifndef TLSPOLICY_DOCTOR_SYMPTOM_H
#define TLSPOLICY_DOCTOR_SYMPTOM_H

#include <stdbool.h>
#include <stddef.h>

enum symptom_kind {
	SYMPTOM_DAEMON_DOWN,
	SYMPTOM_DAEMON_SILENT,
	SYMPTOM_SOCKET_CLOSED_TO_MTA,
	SYMPTOM_SOCKET_OPEN_TO_ALL,
	SYMPTOM_SOCKET_ON_NETWORK,
	SYMPTOM_SLOW_TCP,
	SYMPTOM_STORE_MISSING,
	SYMPTOM_STORE_UNUSABLE,
	SYMPTOM_STORE_CLOSED_TO_DAEMON,
	SYMPTOM_STORE_OLD,
	SYMPTOM_RULES_BAD,
	SYMPTOM_AUDIT_NOT_WRITABLE,
	SYMPTOM_AUDIT_READABLE_BY_ALL,
	SYMPTOM_AUDIT_UNREADABLE,
	SYMPTOM_POSTFIX_NO_MILTER,
	SYMPTOM_POSTFIX_SERVICE_WITHOUT,
	SYMPTOM_POSTFIX_LOCAL_WITHOUT,
	SYMPTOM_POSTFIX_CHROOT,
	SYMPTOM_POSTFIX_DEFAULT_ACTION,
	SYMPTOM_POSTFIX_PROTOCOL,
	SYMPTOM_POSTFIX_NO_TLS,
	SYMPTOM_POSTFIX_NO_CCERT,
	SYMPTOM_POSTFIX_NO_CA,
	SYMPTOM_POSTFIX_RECEIVED,
	SYMPTOM_POSTFIX_FAKE_MACROS,
	SYMPTOM_SENDMAIL_NO_FILTER,
	SYMPTOM_SENDMAIL_FILTER_UNUSED,
	SYMPTOM_SENDMAIL_FLAG,
	SYMPTOM_SENDMAIL_TIMEOUTS,
	SYMPTOM_SENDMAIL_NO_TLS,
	SYMPTOM_SENDMAIL_NO_CA,
	SYMPTOM_SENDMAIL_NO_CCERT,
	SYMPTOM_NO_RECORDS,
	SYMPTOM_MACROS_MISSING,
	SYMPTOM_NO_TLS_SEEN,
	SYMPTOM_TLS_PROXY,
	SYMPTOM_NO_CERTIFICATE_SEEN,
	SYMPTOM_KINDS
};

enum { SYMPTOM_WHAT_MAX = 1024, SYMPTOM_PLACE_MAX = 512,
	SYMPTOM_LINES_MAX = 2048 };

struct symptom {
	enum symptom_kind kind;
	char what[SYMPTOM_WHAT_MAX];
	char place[SYMPTOM_PLACE_MAX]; /* a file, or "run" for commands */
	char lines[SYMPTOM_LINES_MAX]; /* one or more, parted by newlines */
};

struct symptoms {
	struct symptom *all;
	size_t n, allocated;
	bool failed; /* memory ran out: the list is not whole */
};

const char *symptom_name(enum symptom_kind); /* "postfix-no-milter" */
const char *symptom_why(enum symptom_kind);

void symptoms_init(struct symptoms *);
void symptoms_free(struct symptoms *);

/* NULL: out of memory. */
struct symptom *symptoms_add(struct symptoms *, enum symptom_kind,
    const char *what, ...) __attribute__((format(printf, 3, 4)));
/* The lines that mend it; `f` NULL does nothing. */
void symptom_mend(struct symptom *f, const char *place, const char *lines,
    ...) __attribute__((format(printf, 3, 4)));

#endif
