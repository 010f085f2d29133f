/*
 * examine.h - the part of the command doctor that looks at rules and store.
 *
 * Threads: commands run in one.
 */
#ifndef TLSPOLICY_COMMANDS_EXAMINE_H
#define TLSPOLICY_COMMANDS_EXAMINE_H

#include "policy/commands/ruleset.h"
#include "policy/doctor/doctor.h"

/* The rules file; to be freed in any case.  False: it cannot be used. */
bool examine_rules(const struct context *, struct rulefile *, struct fault *)
    MUST_CHECK;
/* The store; `bad_rules`: why there are none to compare it with, or NULL. */
void examine_store(const struct context *, const struct doctor *,
    const struct fault *bad_rules);

#endif
