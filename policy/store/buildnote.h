/*
 * buildnote.h - how the last build of a store ended, in STORE-build beside it,
 * and how it stands with the directory that it follows, in STORE-sync.
 *
 * A build that fails leaves the store as it is, so nobody who looks at that
 * would learn of it: the daemon reads this note for its metrics.  It is a line:
 * "good" or "failed", the time, and the reason for people.  The time is that of
 * the build; or when the directory last answered, good or not.
 *
 * Ownership: nothing is kept.  Threads: any may read; of writers at a time the
 * last one counts.
 */
#ifndef TLSPOLICY_STORE_BUILDNOTE_H
#define TLSPOLICY_STORE_BUILDNOTE_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/base/fault.h"

/* Whose note it is. */
#define BUILDNOTE_BUILD "build"
#define BUILDNOTE_SYNC "sync"

enum buildnote {
	BUILDNOTE_NONE,	   /* there is no note: nobody has built it here */
	BUILDNOTE_GOOD,
	BUILDNOTE_FAILED,
	BUILDNOTE_UNKNOWN  /* there is one, and it cannot be read */
};

/*
 * `why` as one line, or NULL: it was good.  In the folder of a daemon's user
 * root has to be that user (folder.h).
 */
bool buildnote_write(const char *store, const char *of, int64_t now,
    const char *why, struct fault *) MUST_CHECK;

/* *at: the time in a note that says good or failed. */
enum buildnote buildnote_read(const char *store, const char *of, int64_t *at)
    NONNULL;

#endif
