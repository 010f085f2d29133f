/*
 * keep.h - what must hold of a policy before it comes into force.
 *
 * The claims of the setting `claims`.  Whoever is about to commit rules asks
 * here first; claims that do not hold are told on standard error, and the old
 * policy stays.
 *
 *     keep_begin(), before the store's folder is entered: claims may be files
 *     that only root may read
 *     keep_rules() of all rules, or keep_edit() of some keys' in the store; or
 *     keep_store(), behind keep_lock(), of what is about to be committed
 *     keep_lock(), which keep_edit() has done: until keep_end() nobody else who
 *     keeps claims commits
 *     the commit
 *     keep_end()
 *
 * Without claims none of them does anything.
 *
 * Threads: commands run in one.
 */
#ifndef TLSPOLICY_COMMANDS_KEEP_H
#define TLSPOLICY_COMMANDS_KEEP_H

#include "policy/commands/command.h"
#include "policy/prove/claims.h"

struct keep {
	struct claims claims;
	int lock; /* a descriptor of the store's folder; -1: none */
};

/* No claims yet; bad lines go to standard error.  To be freed. */
void keep_start(const struct context *, struct claims *);
/* The claims of the setting.  A default folder that is missing is fine. */
bool keep_read(const struct context *, struct claims *, struct fault *)
    MUST_CHECK;

/* keep_end() follows in any case. */
bool keep_begin(const struct context *, struct keep *, struct fault *)
    MUST_CHECK;
bool keep_rules(const struct context *, struct keep *,
    const struct rulefile *, struct fault *) MUST_CHECK;
/* What rebuild_set() of `edit` (NULL: none) and rebuild_delete() would make. */
bool keep_edit(const struct context *, struct keep *,
    const struct rulefile *edit, const struct key *gone, size_t ngone,
    struct fault *) MUST_CHECK;
bool keep_store(const struct context *, const struct keep *, struct store *,
    struct fault *) MUST_CHECK;
bool keep_lock(const struct context *, struct keep *, struct fault *)
    MUST_CHECK;
void keep_end(struct keep *);

#endif
