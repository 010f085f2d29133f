/*
 * snapshot.h - look-ups in a file that may be damaged at any moment.
 *
 * LMDB trusts its pages: one changed byte makes mdb_get() read anywhere or end
 * the process.  Here nothing is read outside the file, whatever stands in it.
 * What is found, or not found, may still be wrong: the filter tells
 * (filter.h).
 *
 * Threads: no state.  The caller holds a read transaction on the snapshot, so
 * that no writer uses its pages again, and keeps the file mapped.
 */
#ifndef TLSPOLICY_SNAPSHOT_H
#define TLSPOLICY_SNAPSHOT_H

#include "policy/base/slice.h"
#include "policy/store/store.h"

struct snapshot {
	void *txn; /* a writer's, which has not committed it; NULL: in the file */
	unsigned dbi;
	const unsigned char *map;
	size_t size; /* of the file as this snapshot knows it */
	size_t page_size, root;
	unsigned depth; /* 0: no entries */
};

/* False: the file's header is not that of snapshot `txnid`. */
bool snapshot_find(struct snapshot *, const unsigned char *map, size_t size,
    uint64_t txnid) MUST_CHECK NONNULL;
/*
 * The snapshot that a writer is about to commit, read by LMDB itself, whose
 * pages those are.
 */
void snapshot_of_writer(struct snapshot *, void *txn, unsigned dbi) NONNULL;
enum lookup_result snapshot_get(const struct snapshot *, const void *key,
    size_t n, struct slice *value) MUST_CHECK;
/* In order; false from `each` stops.  False: damaged. */
bool snapshot_each(const struct snapshot *,
    bool (*each)(void *, struct slice key, struct slice value), void *arg)
    MUST_CHECK;

#endif
