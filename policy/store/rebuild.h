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

#include "policy/store/store.h"

enum rebuild_flags {
	REBUILD_DURABLE = 0,
	REBUILD_SCRATCH = 1 /* for a store that is thrown away: no fsync */
};

/*
 * Replace the policy at `path` (made with mode 0640 when missing) by the
 * finished rules.  `now` in seconds since 1970.  Fills `info`.
 */
bool rebuild_store(const char *path, const struct rulefile *, int64_t now,
    unsigned flags, struct store_info *info, struct fault *) MUST_CHECK;

/*
 * Put the rules of one line (two for an untagged one) among those of its key: in
 * place of the line with the same FROM, UNTIL and WHEN, else with such before
 * all others, without behind them.
 */
bool rebuild_set(const char *path, const struct rulefile *, int64_t now,
    struct store_info *info, struct fault *) MUST_CHECK;

/* Remove all lines of `n` keys, *removed of them. */
bool rebuild_delete(const char *path, const struct key *keys, size_t n,
    int64_t now, uint64_t *removed, struct store_info *info, struct fault *)
    MUST_CHECK;

#endif
