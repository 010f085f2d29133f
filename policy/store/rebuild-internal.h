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

#include "policy/store/history-internal.h"
#include "policy/store/rebuild.h"
#include "policy/store/store-internal.h"

/* Bytes put together. */
struct writing_bytes {
	char *p;
	size_t n, size;
};

struct writing {
	const char *path;
	const struct authorship *by;
	unsigned flags; /* of rebuild.h */
	MDB_env *env;
	MDB_txn *txn; /* NULL: none, or failed */
	MDB_dbi dbi;
	struct format_info info; /* of the store as it will be */
	struct store_info was;	 /* and as it is */
	uint64_t was_sum, seen_sum; /* as it says, as a build saw it */
	struct fault *fault;
	int lock; /* of store_wait_to_write(); -1: none */
	const struct synced_change *change; /* whose holds() is asked, or NULL */
	/* rebuild.c's. */
	struct writing_bytes value; /* the records of one key */
	/* rebuild-history.c's. */
	bool recording; /* what is changed, key by key */
	struct format_generation head, newest; /* new; as it is, if there is */
	struct writing_bytes part, sources, old_settings;
};

/*
 * `flags`: of rebuild.h.  Reads the info that is there, all zero in a new
 * store.  False: failed; to be ended all the same.
 */
bool writing_begin(struct writing *, const char *path, unsigned flags,
    const struct authorship *, struct fault *) MUST_CHECK NONNULL;
/* Ends the transaction: what was not committed is lost. */
void writing_end(struct writing *) NONNULL;

/* Notes LMDB's error and gives up; false always. */
bool writing_failed(struct writing *, int error) NONNULL;
/* Gives up with the fault that is noted already; false always. */
bool writing_give_up(struct writing *) NONNULL;
/* Puts an entry in place of the one that has this key, if any. */
bool writing_put(struct writing *, const void *key, size_t n,
    const void *data, size_t size, unsigned flags) MUST_CHECK;

bool writing_append(struct writing *, struct writing_bytes *, const void *,
    size_t n) MUST_CHECK;
/* Adds filter and info, and commits. */
bool writing_commit(struct writing *, struct store_info *info) MUST_CHECK;

/* rebuild-hold.c: may it be committed?  False with a fault; gives nothing up. */
bool writing_holds(struct writing *) MUST_CHECK NONNULL;
/* rebuild-value.c, which calls rebuild-history.c */
bool writing_put_source(struct writing *, unsigned number, struct slice name,
    unsigned flags) MUST_CHECK;
bool writing_put_lists(struct writing *, const struct rule *, bool again)
    MUST_CHECK NONNULL;
/* The records of the key at rules[*i], as writing_value(); *i moves on. */
bool writing_make_value(struct writing *, const struct rulefile *, size_t *i,
    unsigned first_source) MUST_CHECK NONNULL;
/* One more record. */
bool writing_append_rule(struct writing *, const struct rule *,
    unsigned source) MUST_CHECK NONNULL;
struct slice writing_value(const struct writing *) NONNULL;
void writing_account(struct writing *, struct slice key_bytes,
    struct slice old, struct slice new) NONNULL;
/* Commits when there is something to commit. */
bool writing_finish(struct writing *, struct store_info *, bool *changed)
    MUST_CHECK;
bool writing_put_synced(struct writing *, const struct synced *) MUST_CHECK;
bool writing_change_synced(struct writing *, const struct synced *,
    const struct synced_change *) MUST_CHECK NONNULL;

/* rebuild-line.c */
/* Where among the records of its key a rule that is set goes. */
struct writing_place {
	uint32_t at, n;	/* before this one of `n` */
	bool replaces;	/* in place of it */
	bool same;	/* which is this rule, wherever it comes from */
};
bool writing_find_place(struct writing *, const struct rule *,
    struct slice records, struct writing_place *) MUST_CHECK NONNULL;
/* The records with the rule at its place, as writing_value(). */
bool writing_make_line(struct writing *, const struct rule *, unsigned source,
    struct slice records, const struct writing_place *) MUST_CHECK NONNULL;

/* rebuild-history.c */
/* Reads the newest generation, and what undoing will need. */
bool writing_history_begin(struct writing *) MUST_CHECK NONNULL;
/*
 * A key gets other rules; `old` and `new` are its records, n 0 for none.
 * Writes nothing.
 */
bool writing_note(struct writing *, struct slice key_bytes, struct slice old,
    struct slice new) MUST_CHECK NONNULL;
/* Writes what was noted, if much; *wrote: LMDB's pages have moved. */
bool writing_flush(struct writing *, bool *wrote) MUST_CHECK NONNULL;
/* Puts the authorship's settings in place of the store's. */
bool writing_settings(struct writing *) MUST_CHECK NONNULL;
/* Puts the authorship's plan in place of the store's. */
bool writing_plan(struct writing *) MUST_CHECK NONNULL;
/* The generation, when all is changed; drops those that are too old. */
bool writing_history_end(struct writing *) MUST_CHECK NONNULL;

#endif
