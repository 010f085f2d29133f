/*
 * record.h - is there a record of that session in the audit log?
 *
 * The log is opened anew each time, since it may be rotated meanwhile.
 *
 * Threads: no state.
 */
#ifndef TLSPOLICY_DOCTOR_RECORD_H
#define TLSPOLICY_DOCTOR_RECORD_H

#include <stdbool.h>
#include <sys/types.h>

#include "policy/base/fault.h"

/* Where a log ends now. */
struct record_mark {
	const char *path;
	dev_t device;
	ino_t inode;
	off_t end;
};

/* False: it cannot be read.  A log that is not there ends at 0. */
bool record_mark(const char *path, struct record_mark *, struct fault *);

/* What a record says of its session. */
struct record_seen {
	bool tls;    /* it had TLS */
	bool policy; /* the store was asked for it */
};

/* Has the session with this HELO name come to the log since? */
bool record_find(const struct record_mark *, const char *helo,
    struct record_seen *);

#endif
