/*
 * negotiate.h - which steps, actions and macros the MTA is asked for.
 */
#ifndef TLSPOLICY_MILTER_SESSION_NEGOTIATE_H
#define TLSPOLICY_MILTER_SESSION_NEGOTIATE_H

#include <stdbool.h>

#include <libmilter/mfapi.h>

#include "policy/policy.h"

/*
 * Once, before the first connection.  False: the lists of macros do not fit,
 * which is an error in their tables.
 */
bool negotiate_init(void) MUST_CHECK;

/*
 * What xxfi_negotiate answers.  Steps without a callback are already declined
 * in *steps; libmilter makes up for "no reply" flags that the MTA lacks.
 * `header`: header fields are wanted, to be read, changed and added.
 */
sfsistat negotiate(SMFICTX *, bool header, unsigned long actions_offered,
    unsigned long *actions, unsigned long *steps) NONNULL;

#endif
