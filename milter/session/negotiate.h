/*
 * negotiate.h - which steps, actions and macros the MTA is asked for.
 */
#ifndef TLSPOLICY_MILTER_SESSION_NEGOTIATE_H
#define TLSPOLICY_MILTER_SESSION_NEGOTIATE_H

#include <stdbool.h>

#include "milter/engine/engine.h"
#include "policy/policy.h"

/*
 * Once, before the first connection.  False: the lists of macros do not fit,
 * which is an error in their tables.
 */
bool negotiate_init(void) MUST_CHECK;

/*
 * What xxfi_negotiate answers.  Steps without a callback are already declined
 * in *steps; libmilter makes up for "no reply" flags that the MTA lacks.
 */
struct negotiate_wish {
	bool change; /* header fields are to be read, changed and added */
	bool author; /* they are to be read, and their end is to be answered */
};

sfsistat negotiate(SMFICTX *, struct negotiate_wish,
    unsigned long actions_offered, unsigned long *actions,
    unsigned long *steps) NONNULL;

#endif
