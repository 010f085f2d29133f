/*
 * processors.h - how many threads can run at once.
 *
 * Threads: no state.
 */
#ifndef TLSPOLICY_PROCESSORS_H
#define TLSPOLICY_PROCESSORS_H

#include <stddef.h>

/* The processors that this process may use; 1 when that cannot be told. */
size_t processors_usable(void);

#endif
