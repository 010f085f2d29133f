/*
 * keep.h - what must hold of a policy before it comes into force.
 *
 * The claims of the setting `claims`.  Whoever is about to commit rules asks
 * here first; claims that do not hold are told on standard error, and the old
 * policy stays.
 *
 * Threads: commands run in one.
 */
#ifndef TLSPOLICY_COMMANDS_KEEP_H
#define TLSPOLICY_COMMANDS_KEEP_H

#include "policy/commands/command.h"
#include "policy/prove/claims.h"

/* No claims yet; bad lines go to standard error.  To be freed. */
void keep_start(const struct context *, struct claims *);
/* Those of the setting.  That there is no folder of the default name is fine. */
bool keep_read(const struct context *, struct claims *, struct fault *)
    MUST_CHECK;

/*
 * The two for who commits: read before the store's folder is entered (what only
 * root may read), then held against a store as it would be.
 */
bool keep_begin(const struct context *, struct claims *, struct fault *)
    MUST_CHECK;
bool keep_hold(const struct context *, const struct claims *, struct store *,
    struct fault *) MUST_CHECK;

/* The same for rules that are to take the place of all that there are. */
bool keep_hold_rules(const struct context *, const struct claims *,
    const struct rulefile *, struct fault *) MUST_CHECK;
/* Both in one. */
bool keep_rules(const struct context *, const struct rulefile *,
    struct fault *) MUST_CHECK;

#endif
