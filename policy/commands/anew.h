/*
 * anew.h - rules out of a store, through the grammar of today, which may have
 * learnt since that some of them can never hold.
 *
 * Threads: as commands.
 */
#ifndef TLSPOLICY_COMMANDS_ANEW_H
#define TLSPOLICY_COMMANDS_ANEW_H

#include "policy/commands/command.h"
#include "policy/rules/rulefile.h"

/*
 * The same rules, of the same files and lines, parsed and finished into `rules`,
 * which was initialised.  `name` is where they are from, for messages.
 */
bool anew_parse(struct rulefile *rules, const struct rulefile *old,
    const char *name, struct fault *) MUST_CHECK NONNULL;

#endif
