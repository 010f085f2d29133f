/*
 * reach.h - whom the changes of some entries concern.
 *
 * Those that have a key with one of them, before or now; who names a profile
 * that is one of them, and the profiles, if they name one; issuers' rows whose tag
 * they name, and one more entry that names it.  Beside these a rule of theirs is
 * good or bad exactly if it is so beside all.
 *
 * Ownership: entries and their strings must not change before the end.
 * Threads: one.
 */
#ifndef TLSPOLICY_SYNC_REACH_H
#define TLSPOLICY_SYNC_REACH_H

#include "policy/sync/entries.h"
#include "policy/sync/index.h"

/* The name that rules of a directory have in place of a file's. */
#define SYNC_SOURCE "directory"

struct sync_reach {
	struct sync_entry **entries; /* first those that are touched */
	size_t n, allocated, touched;
	struct slice *keys; /* theirs, before and now: sorted, each once */
	size_t nkeys, keys_allocated;
	struct sync_link *before; /* where rules stand that were in force */
	size_t nbefore, before_allocated;
	struct rulefile was, is; /* keys point into them */
	bool no_memory;
};

/* False with a fault: no memory.  To be freed in any case. */
bool sync_reach_find(struct sync_entries *, const struct sync_index *,
    bool as_sendmail, struct sync_reach *, struct fault *) MUST_CHECK NONNULL;
void sync_reach_free(struct sync_reach *) NONNULL;

/* Reads these lines as rules, without finishing them; bad ones are left out. */
bool sync_reach_read(struct rulefile *, const char *const *lines, size_t n,
    struct fault *) MUST_CHECK NONNULL;

#endif
