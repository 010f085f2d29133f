/*
 * write.h - write(2) until all is written.
 *
 * Threads: no state.
 */
#ifndef TLSPOLICY_WRITE_H
#define TLSPOLICY_WRITE_H

#include "policy/base/slice.h"

/* False with errno: not all was written; how much was is not known. */
bool write_whole(int fd, struct slice) MUST_CHECK;

#endif
