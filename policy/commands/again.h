/*
 * again.h - rules that were in force, to be put into force again.
 *
 * They go through the grammar of today, which may have learnt since that some of
 * them can never hold.
 *
 * Threads: as commands.
 */
#ifndef TLSPOLICY_COMMANDS_AGAIN_H
#define TLSPOLICY_COMMANDS_AGAIN_H

#include "policy/rules/rulefile.h"

/*
 * Parses the rules of `old` and finishes them; they keep their places.  `name`:
 * of the whole, for messages.  False with a fault: some are not taken any more.
 */
bool again_parse(struct rulefile *, const struct rulefile *old,
    const char *name, struct fault *) MUST_CHECK NONNULL;

#endif
