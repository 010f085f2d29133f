/*
 * using.h - profiles and the lines that name them, when one of them is to be
 * changed in a store.
 *
 * What a build finds in its files is looked for in the store here.  Between this
 * and the change another command may come; then whoever judges by the line finds
 * that it cannot be put together, which is a policy error and no acceptance.
 *
 * Threads: as commands.
 */
#ifndef TLSPOLICY_USING_H
#define TLSPOLICY_USING_H

#include "policy/rules/rulefile.h"
#include "policy/store/store.h"

/*
 * Rules that are to be set go with those of the store: a line AS:profile with
 * its profile, a profile with all lines that name it.
 */
bool using_fits(struct store_reader *, const struct rulefile *, struct fault *)
    MUST_CHECK NONNULL;
/* No line names the profile of this key; any other key is fine. */
bool using_is_free(struct store_reader *, const struct key *, struct fault *)
    MUST_CHECK NONNULL;
/* How many lines the key has. */
uint64_t using_lines(struct store_reader *, const struct key *) NONNULL;

#endif
