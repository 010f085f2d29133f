/*
 * compile.h - a policy made of a directory's entries.
 *
 * The rules stand in the order of the entries' names, which is their order
 * within a key; a rule's line is its number among those of its key.  An entry
 * that is no rule, or that cannot stand beside the others, gives way: the last
 * good rule that it held is taken in its place, or that of an entry for its key
 * that is gone since; else a new one waits.  When there is no such way, as when a
 * profile is gone that others name, all is refused and what is in force stays.
 *
 * What was compiled before is not compiled again: with an index of it, only
 * entries that have changed, and those that they concern, are looked at.  What
 * comes out is the same.
 *
 * Threads: one.
 */
#ifndef TLSPOLICY_SYNC_COMPILE_H
#define TLSPOLICY_SYNC_COMPILE_H

#include "policy/store/rebuild.h"
#include "policy/sync/reach.h"

struct sync_compiled {
	bool whole;		/* all rules, for rebuild_synced() */
	struct rulefile rules;	/* finished */
	struct synced told;	/* but for the cookie */
	struct synced_change change; /* not whole: for rebuild_synced_keys() */
	size_t held_back; /* entries that are not in force as they are */

	/* compile.c's. */
	struct synced_entry *entries;
	struct sync_entry **whose; /* each of these */
	unsigned char (*gone)[SYNCED_UUID];
	struct sync_link *links; /* where the rules stand */
	size_t nlinks, links_allocated;
	struct sync_reach reach;
};

/*
 * `index`: of what is in force; NULL: it is not known, and all is compiled.  For
 * each entry that gives way `told` is called; `stays`: a last good rule has its
 * place.  False with a fault: there is no policy in it.  In both cases to be
 * freed; entries must not change before.
 */
bool sync_compile(struct sync_entries *, const struct sync_index *,
    bool as_sendmail, void (*told)(void *, const struct sync_entry *,
    const char *why, bool stays), void *arg, struct sync_compiled *,
    struct fault *) MUST_CHECK;
/*
 * Notes that the compiled policy is in force; `wrote`: by a commit that was
 * made. False: no memory, and the index is of no use any more.
 */
bool sync_compiled_commit(struct sync_entries *, struct sync_index *,
    struct sync_compiled *, bool wrote) MUST_CHECK NONNULL;
void sync_compiled_free(struct sync_compiled *) NONNULL;

#endif
