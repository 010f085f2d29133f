/*
 * touched.h - generations that changed a profile: whose lines ask for something
 * else since.
 *
 * Threads: as commands.
 */
#ifndef TLSPOLICY_TOUCHED_H
#define TLSPOLICY_TOUCHED_H

#include "policy/commands/difference.h"
#include "policy/store/history.h"

/* A rule among these, all of one key, names the profile with that key. */
bool touched_by(struct store_reader *, enum tag, struct slice,
    struct slice profile_key) MUST_CHECK NONNULL;

/*
 * Calls each() for each key whose lines the generation touched by a profile.
 * Where the generation before it is not kept, says so on standard error
 * instead.
 */
bool touched_each(struct store_reader *, const struct generation *,
    difference_touch *, void *arg, struct fault *) MUST_CHECK;

/* A line, four blanks in: "> KEY<tab>OLD -> NEW". */
void touched_print(struct slice key, const json_t *old, const json_t *new)
    NONNULL;

#endif
