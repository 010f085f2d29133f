/* tail-internal.h - private to the files of tail.h. */
#ifndef TLSPOLICY_TAIL_INTERNAL_H
#define TLSPOLICY_TAIL_INTERNAL_H

#include <sys/types.h>
#include <time.h>

#include "policy/audit/tail.h"

enum { TAIL_SEARCH_WINDOW = 1024 * 1024 };

bool tail_read_window(int fd, char *buf, size_t n, off_t offset,
    struct fault *) MUST_CHECK NONNULL;
bool tail_is_packed(int fd);
/*
 * The rotated file that was written last; when `limited`, of those before *limit,
 * which becomes its time.
 */
bool tail_name_before(const char *path, struct timespec *limit, bool limited,
    struct text *name) NONNULL;

#endif
