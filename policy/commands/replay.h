/*
 * replay.h - parts of the command replay.
 *
 * Threads: commands run in one.
 */
#ifndef TLSPOLICY_COMMANDS_REPLAY_H
#define TLSPOLICY_COMMANDS_REPLAY_H

#include "policy/commands/audit.h"
#include "policy/outbound/outbound.h"
#include "policy/store/store.h"

/*
 * --left: which mail that left would stay in the queue, were its MTA told what
 * these rules say.  Reads the files twice.  Returns the exit status.
 */
int replay_left(const struct audit_files *, struct store *,
    const struct outbound_options *, bool json);

#endif
