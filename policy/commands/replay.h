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

/* --since and --until: see reader_within(). */
struct replay_span {
	int64_t since, until;
};

/*
 * --left: which mail that left would stay in the queue, were its MTA told what
 * these rules say.  Reads the files twice.  Returns the exit status.
 */
int replay_left(const struct audit_files *, struct store *,
    const struct outbound_options *, const struct replay_span *, bool json);

#endif
