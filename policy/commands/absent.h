/*
 * absent.h - a key without a rule: there is none, or there can be none.
 *
 * "There is no rule" is only true of a key that a rule can have.  Of a misspelt
 * tag, or of what can never match, none was looked for: that is an error, as it
 * is for set.
 *
 * Threads: as commands.
 */
#ifndef TLSPOLICY_ABSENT_H
#define TLSPOLICY_ABSENT_H

#include "policy/commands/command.h"

/* A line of the store names CITag:TAG. */
bool absent_tag_is_named(const struct context *, struct slice tag) NONNULL;
/* No rule was found: false with a fault when none can have this key. */
bool absent_may_be(const struct context *, struct slice word, struct fault *)
    MUST_CHECK NONNULL;

#endif
