/*
 * publish.h - what has to be done to a directory so that its entries are rules.
 *
 * Only differences: an entry whose key and requirement are those of a rule stays
 * as it is, whatever it is called.  Those that are no rule, or none of these, go.
 * Adding and changing comes before removing, so that what others need is there
 * before and after.
 *
 * Ownership: points into the entries and rules, which must not change.
 * Threads: no state.
 */
#ifndef TLSPOLICY_SYNC_PUBLISH_H
#define TLSPOLICY_SYNC_PUBLISH_H

#include "policy/rules/rulefile.h"
#include "policy/sync/directory.h"

struct publish_step {
	enum { PUBLISH_ADD, PUBLISH_CHANGE, PUBLISH_REMOVE } how;
	const char *name; /* of the entry; NULL: a new one */
	struct slice key, requirement;
	unsigned number; /* of a new one, see entryname.h */
};

struct publish {
	struct publish_step *steps;
	size_t n, allocated;
	size_t count[3]; /* of each kind */
};

/* `rules` are finished.  False with a fault; to be freed in any case. */
bool publish_plan(struct sync_entries *, const struct rulefile *rules,
    struct publish *, struct fault *) MUST_CHECK NONNULL;
/* Steps done before one that failed stay done. */
bool publish_do(const struct publish *, struct directory *, struct fault *)
    MUST_CHECK NONNULL;
void publish_free(struct publish *) NONNULL;

#endif
