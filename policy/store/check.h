/*
 * check.h - is this file a sound LMDB file?
 *
 * LMDB trusts its file: a damaged page makes it read anywhere or give up.  So
 * before a store is opened its header is looked at, and before it is used
 * every page that its newest snapshot can reach.
 *
 * Threads: no state.
 */
#ifndef TLSPOLICY_CHECK_H
#define TLSPOLICY_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/base/fault.h"

/* The header: a regular file, LMDB's magic, and as long as it says it is. */
bool store_check_file(const char *path, struct fault *) MUST_CHECK NONNULL;

/*
 * Every page of the snapshot `txnid`, on which the caller holds a read
 * transaction, so that no writer uses its pages again meanwhile.  *gone: the
 * file has two headers, and writers have replaced the one of this snapshot;
 * nothing was checked, take a newer one.
 */
bool store_check_pages(const char *path, uint64_t txnid, bool *gone,
    struct fault *) MUST_CHECK NONNULL;
/*
 * store_check_pages(), and every entry, of a file in memory; `path` for
 * messages.
 */
bool store_check_mapped(const char *path, const unsigned char *map, size_t size,
    uint64_t txnid, bool *gone, struct fault *) MUST_CHECK NONNULL;

/*
 * The number of the newest snapshot; and all of it, of a file that nobody has
 * open here.  A writer may spoil this: only when that snapshot is still the
 * newest one afterwards does the result count.
 */
bool store_check_number(const char *path, uint64_t *txnid, struct fault *)
    MUST_CHECK NONNULL;
bool store_check_newest(const char *path, uint64_t *txnid, struct fault *)
    MUST_CHECK NONNULL;

#endif
