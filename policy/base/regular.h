/*
 * regular.h - files that are read from their beginning to their end.
 *
 * Threads: no state.
 */
#ifndef TLSPOLICY_REGULAR_H
#define TLSPOLICY_REGULAR_H

#include <stdio.h>

#include "policy/base/fault.h"

/*
 * To be read.  A FIFO would be waited for, and a device has no end: NULL with
 * FAULT_NOINPUT for what is no regular file.  /dev/null is an empty one.
 */
FILE *regular_open(const char *path, struct fault *) MUST_CHECK;

#endif
