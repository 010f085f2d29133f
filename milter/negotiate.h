/*
 * negotiate.h - which steps, actions and macros the MTA is asked for.
 */
#ifndef TLSPOLICY_NEGOTIATE_H
#define TLSPOLICY_NEGOTIATE_H

#include <stdbool.h>

#include <libmilter/mfapi.h>

/*
 * Once, before the first connection.  False: the lists of macros do not fit,
 * which is an error in their tables.
 */
bool negotiate_init(void);

/* xxfi_negotiate; steps without a callback are already declined in *steps. */
sfsistat negotiate(SMFICTX *, unsigned long actions_offered,
    unsigned long steps_offered, unsigned long, unsigned long,
    unsigned long *actions, unsigned long *steps, unsigned long *,
    unsigned long *);

#endif
