/*
 * later.h - rules that begin or end on a day that has not come: of what they
 * bring then no recorded mail tells.
 *
 * Threads: as commands.
 */
#ifndef TLSPOLICY_COMMANDS_LATER_H
#define TLSPOLICY_COMMANDS_LATER_H

#include "policy/store/store.h"

/*
 * Says on standard error how many there are for mail that comes in, or that goes
 * out, and which is the first.  Nothing when there is none.
 */
void later_say(struct store_reader *, bool outbound) NONNULL;

#endif
