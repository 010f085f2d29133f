/*
 * signing.h - checkpoints of the log: what was written since the last one, as
 * one hash, signed and handed on (policy/audit/checkpoint.h).
 *
 * The writer adds lines as they are written; the keeping thread ends a tree
 * when it is time, signs it when its lines are as safe as audit-sync promises,
 * and hands it on.  The writer never waits for that.
 *
 * Threads: as said; the rest by one that has no others.
 */
#ifndef TLSPOLICY_MILTER_AUDITLOG_SIGNING_H
#define TLSPOLICY_MILTER_AUDITLOG_SIGNING_H

#include <limits.h>
#include <pthread.h>

#include "policy/policy.h"

enum { SIGNING_WAITING = 32 };

struct signing {
	struct note_signer *signer; /* NULL: there are no checkpoints */
	struct chain *hasher;
	char file[PATH_MAX];	    /* "": only the log */
	int64_t interval_ms, due_ms; /* the keeping thread's */

	pthread_mutex_t lock;
	struct merkle tree;	    /* n is 0: nothing new */
	uint64_t first;
	struct chain_head head;
	/* Trees that are ended, oldest first; more than these are given up. */
	struct checkpoint waiting[SIGNING_WAITING];
	size_t nwaiting;
};

/* `key` NULL: off.  False with a fault: a bad key. */
bool signing_open(struct signing *, const char *key, const char *file,
    unsigned interval_s, struct fault *) MUST_CHECK;
void signing_close(struct signing *) NONNULL;

/* NULL: nobody. */
static inline bool
signing_is_on(const struct signing *s)
{
	return s != NULL && s->signer != NULL;
}

/* A line that is in the file, while it is on. */
void signing_add(struct signing *, struct slice line,
    const struct chain_line *) NONNULL;
/* The lines of the plain file behind number `seq`, of a daemon before. */
void signing_add_file(struct signing *, const char *path, uint64_t seq)
    NONNULL;
/* Lines from here on belong to another tree. */
void signing_cut(struct signing *) NONNULL;

/*
 * Signs the oldest tree that waits, up to line `seq`, for `now_us`.  It waits
 * until it is dropped.
 */
bool signing_next(struct signing *, uint64_t seq, int64_t now_us,
    struct checkpoint *) MUST_CHECK NONNULL;
void signing_drop(struct signing *) NONNULL;

/* Appends to the file, if there is one. */
bool signing_hand_on(const struct signing *, const struct checkpoint *,
    bool sync, struct fault *) MUST_CHECK NONNULL;

#endif
