/*
 * rebuild.h - writing the store: a whole policy, or one rule, in one commit.
 *
 * The commit is the reload of every running daemon.  Until it succeeds the
 * old generation stays in force, whatever happens to the writer.
 *
 * Threads: one writer at a time over all processes; a second one waits.
 */
#ifndef TLSPOLICY_REBUILD_H
#define TLSPOLICY_REBUILD_H

#include "policy/store/history.h"
#include "policy/store/synced.h"

enum rebuild_flags {
	REBUILD_DURABLE = 0,
	/*
	 * For a store that is thrown away: no fsync, no history; and a commit
	 * in any case.
	 */
	REBUILD_SCRATCH = 1,
	/*
	 * A store of an older format (older.h) is emptied first, its history as
	 * well; generations are counted on.
	 */
	REBUILD_OLDER = 2
};

/*
 * Replace the policy at `path` (made with mode 0640 when missing) by the
 * finished rules.  Fills `info`.  *changed: there was something to change, and
 * it is a new generation (history.h); else nothing was written, and `info`
 * tells of the one that is in force.  Either may be NULL.
 */
bool rebuild_store(const char *path, const struct rulefile *,
    const struct authorship *, unsigned flags, struct store_info *info,
    bool *changed, struct fault *) MUST_CHECK;

/*
 * rebuild_store(), durable, for a caller who needs the rules no more: they are
 * freed as soon as they are written.  Of ten million they are 1 GB, and a third
 * of all.
 */
bool rebuild_and_free(const char *path, struct rulefile *,
    const struct authorship *, struct store_info *info, bool *changed,
    struct fault *) MUST_CHECK;

/*
 * rebuild_store() with rules made from a directory: in the same commit the
 * store learns what its entries were, and how far they were read.  Without a
 * change of the rules nothing is written, and a directory has to tell the same
 * once more.
 */
bool rebuild_synced(const char *path, const struct rulefile *,
    const struct authorship *, const struct synced *, struct store_info *info,
    bool *changed, struct fault *) MUST_CHECK NONNULL;

/*
 * The same where only some keys and entries are others than in the generation
 * `over`: the keys get those of the rules that are theirs, maybe none, and
 * `synced` has only entries that are to be written.  False without a fault:
 * it is not that generation that is in force, and all has to be written.
 */
struct synced_change {
	const struct slice *keys; /* sorted, each once */
	size_t nkeys;
	unsigned char (*gone)[SYNCED_UUID]; /* entries; one that is not there is fine */
	size_t ngone;
	struct store_info over;
	/*
	 * Asked before the commit, of a store that is what would be committed, and
	 * gone when it returns; false with a fault: it is not.  NULL: nobody is.
	 */
	bool (*holds)(void *arg, struct store *, struct fault *);
	void *arg;
};
bool rebuild_synced_keys(const char *path, const struct rulefile *,
    const struct authorship *, const struct synced *,
    const struct synced_change *, struct store_info *info, bool *changed,
    struct fault *) MUST_CHECK NONNULL;

/*
 * Put the rules of one line (two for an untagged one) among those of its key: in
 * place of the line with the same FROM, UNTIL and WHEN, else with such before
 * all others, without behind them.  The same rule from another line is no
 * change.
 */
bool rebuild_set(const char *path, const struct rulefile *,
    const struct authorship *, struct store_info *info, bool *changed,
    struct fault *) MUST_CHECK;

/* Remove all lines of `n` keys.  *found tells whether there were any. */
bool rebuild_delete(const char *path, const struct key *keys, size_t n,
    const struct authorship *, bool *found, struct store_info *info,
    struct fault *) MUST_CHECK;

/*
 * From here until *fd is closed no other process that calls this comes so far:
 * what was found of the rules in force is so still when others are committed.
 * FAULT_UNAVAILABLE: another one did not let go; *fd is to be closed, if it is
 * not -1.
 */
bool rebuild_lock(const char *path, int *fd, struct fault *) MUST_CHECK NONNULL;

/* There is no store, or one that was stopped before its first commit. */
bool rebuild_is_first(const char *path) NONNULL;

#endif
