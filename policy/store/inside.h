/*
 * inside.h - an open store from the inside; only for the files of policy/store.
 */
#ifndef TLSPOLICY_INSIDE_H
#define TLSPOLICY_INSIDE_H

#include "policy/base/pool.h"
#include "policy/store/format.h"
#include "policy/store/snapshot.h"

/* A read transaction between two uses. */
struct store_txn {
	MDB_txn *txn;
	size_t txnid; /* whose are the following; 0: none */
	struct snapshot snapshot;
	struct store_info info;
	struct filter filter;
	struct slice source[FORMAT_SOURCES_KEPT]; /* names; p NULL: not read */
	uint32_t source_check[FORMAT_SOURCES_KEPT];
};

struct store {
	MDB_env *env;
	const unsigned char *map; /* of FORMAT_MAP_SIZE; NULL: none */
	char *path;
	dev_t dev;
	ino_t ino, lock_ino;
	off_t size; /* when it was opened; LMDB makes no file smaller */
	struct pool idle;	/* struct store_txn */
	_Atomic bool suspect;	/* a reader met damage */
};

/* For the other files. */
bool store_lmdb_fault(struct fault *, int error, const char *path)
    MUST_CHECK NONNULL;
/* With MDB_NOSUBDIR and MDB_NOTLS; gives dead readers' slots back. */
bool store_open_env(const char *path, unsigned flags, MDB_env **,
    struct fault *) MUST_CHECK;
/*
 * A look at pages that somebody cut off the file would end the process; this
 * leaves only the moment of the cutting itself to that.  Fills the size.
 */
bool store_is_whole(const struct store *, size_t *size, struct fault *)
    MUST_CHECK NONNULL;
void store_discard(struct store_txn *);
/* Notes it for the caller and for store_verify(); LOOKUP_FAILED always. */
enum lookup_result store_damaged(struct store_reader *, const char *what)
    NONNULL;
/* Is the value what was written?  As store_fetch() answers. */
enum lookup_result store_vouch(struct store_reader *, const void *key,
    size_t n, uint32_t check, struct slice value);
/* The value of the key with these bytes, which the filter knows by `check`. */
enum lookup_result store_fetch(struct store_reader *, const void *key,
    size_t n, uint32_t check, struct slice *value) MUST_CHECK;

#endif
