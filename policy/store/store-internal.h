/*
 * store-internal.h - an open store, for the files of this folder.
 */
#ifndef TLSPOLICY_STORE_STORE_INTERNAL_H
#define TLSPOLICY_STORE_STORE_INTERNAL_H

#include "policy/base/digest.h"
#include "policy/base/pool.h"
#include "policy/store/format.h"
#include "policy/store/snapshot.h"

/* A read transaction between two uses. */
struct store_txn {
	MDB_txn *txn;
	size_t txnid; /* whose are the following; 0: none */
	struct snapshot snapshot;
	struct format_info info;
	struct filter filter;
	struct slice source[FORMAT_SOURCES_KEPT]; /* names; p NULL: not read */
	uint32_t source_check[FORMAT_SOURCES_KEPT];
	bool policy_read; /* by history_policy() */
	char policy[DIGEST_SHORT + 1];
};

struct store {
	struct store_txn *uncommitted; /* a writer's own; nothing else is open */
	MDB_env *env;
	const unsigned char *map; /* of FORMAT_MAP_SIZE; NULL: none */
	char *path;
	dev_t dev;
	ino_t ino, lock_ino;
	off_t size; /* when it was opened; LMDB makes no file smaller */
	bool unlocked;		/* store_open_unlocked() */
	struct pool idle;	/* struct store_txn */
	_Atomic bool suspect;	/* a reader met damage */
	bool not_looked_at;	/* but for what is found by a key */
};

/* For the other files. */
bool store_lmdb_fault(struct fault *, int error, const char *path)
    MUST_CHECK NONNULL;
/*
 * wait.c.  FAULT_UNAVAILABLE names the process that did not let go in time.
 * Behind store_wait_to_write() this process is the only writer until *fd is
 * closed, in any case after the environment: that drops LMDB's locks as well.
 */
bool store_wait_to_open(const char *path, struct fault *) MUST_CHECK NONNULL;
bool store_wait_to_write(const char *path, int *fd, struct fault *) MUST_CHECK
    NONNULL;
/* mdb_txn_begin(), which ends the program if it would wait for too long. */
int store_begin_txn(MDB_env *, const char *path, unsigned flags, MDB_txn **)
    MUST_CHECK NONNULL;
int store_begin_reader(const struct store *, MDB_txn **) MUST_CHECK NONNULL;
/* With MDB_NOSUBDIR and MDB_NOTLS; gives dead readers' slots back. */
bool store_open_env(const char *path, unsigned flags, MDB_env **,
    struct fault *) MUST_CHECK;
/*
 * A look at pages that somebody cut off the file would end the process; this
 * leaves only the moment of the cutting itself to that.  Fills the size.
 */
bool store_is_whole(const struct store *, size_t *size, struct fault *)
    MUST_CHECK NONNULL;
/*
 * Did so many commits come since this snapshot that a writer, who knows nothing
 * of a reader without a slot, may have put other pages in the place of its own?
 */
bool store_has_moved_on(const struct store *, size_t txnid) MUST_CHECK NONNULL;
void store_discard(struct store_txn *);
/* Gives back the slots of readers that died; returns how many. */
int store_clear_dead_readers(struct store *) NONNULL;
/*
 * Notes the damage for the caller and for store_verify(); LOOKUP_FAILED always.
 */
enum lookup_result store_damaged(struct store_reader *, const char *what)
    NONNULL;
/* The value of one of the store's own keys. */
enum lookup_result store_own(struct store_reader *, const unsigned char *key,
    size_t n, struct slice *value) MUST_CHECK NONNULL;

#endif
