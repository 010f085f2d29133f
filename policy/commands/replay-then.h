/*
 * replay-then.h - each record judged again by the policy of its day.
 *
 * What comes out otherwise than it was recorded was not judged by that policy,
 * or not recorded as it was judged.  What cannot be judged again is counted by
 * the reason, and is no good news either.
 *
 * Threads: as commands.
 */
#ifndef TLSPOLICY_COMMANDS_REPLAY_THEN_H
#define TLSPOLICY_COMMANDS_REPLAY_THEN_H

#include "policy/commands/replay.h"

/* The exit code, all being said. */
int replay_then(const struct context *, const struct audit_files *,
    const struct replay_span *, bool verbose, bool json);

#endif
