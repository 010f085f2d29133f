/*
 * rebuild-internal.h - the transaction of a writer; only for the files of policy/store.
 *
 * One transaction holds a whole change, so that a killed writer leaves the old
 * generation and readers see either the old or the new one.  Any failure ends
 * it, so that it cannot be committed.
 *
 * Threads: one writer at a time over all processes; a second one waits.
 */
#ifndef TLSPOLICY_STORE_REBUILD_INTERNAL_H
#define TLSPOLICY_STORE_REBUILD_INTERNAL_H

#include "policy/store/inside.h"

struct writing {
	const char *path;
	MDB_env *env;
	MDB_txn *txn; /* NULL: none, or failed */
	MDB_dbi dbi;
	struct format_info info; /* of the store as it will be */
	struct fault *fault;

	/* for rebuild.c and rebuild-line.c */
	bool emptied; /* all there is was put by this transaction */
	char *value;  /* the records of one key, growing */
	size_t value_size;
};

/*
 * `flags`: of rebuild.h.  Reads the info that is there, all zero in a new
 * store.  False: failed; to be ended all the same.
 */
bool writing_begin(struct writing *, const char *path, unsigned flags,
    struct fault *) MUST_CHECK NONNULL;
/* Nothing that was not committed is kept. */
void writing_end(struct writing *) NONNULL;

/* Notes LMDB's error and gives up; false always. */
bool writing_failed(struct writing *, int error) NONNULL;
/* Gives up with the fault that is noted already; false always. */
bool writing_give_up(struct writing *) NONNULL;

/* Puts an entry in place of the one that has this key, if any. */
bool writing_put(struct writing *, const void *key, size_t n,
    const void *data, size_t size, unsigned flags) MUST_CHECK;

/* Room in `value`; one more record behind *used bytes of it. */
bool writing_reserve(struct writing *, size_t size) MUST_CHECK NONNULL;
bool writing_append(struct writing *, const struct rule *, unsigned source,
    size_t *used) MUST_CHECK NONNULL;
/* How many rules of the key's sort there will be. */
uint32_t *writing_counter(struct writing *, struct slice key_bytes) NONNULL;
/* rebuild-line.c: the rule among the lines of its key. */
bool writing_put_line(struct writing *, const struct rule *, unsigned source)
    MUST_CHECK NONNULL;

/* Adds what a commit ends with, filter and info, and commits. */
bool writing_commit(struct writing *, int64_t now, struct store_info *info)
    MUST_CHECK;

#endif
