/*
 * format.h - what stands in a store; only for the files of policy/store.
 *
 * One LMDB database, keys in memcmp(3) order:
 *
 *   \0 f               which keys there are not (filter.h)
 *   \0 i               struct format_info
 *   \0 l list [\0]     ids of the suites of a CIPHER list, uint16_t each
 *   \0 s number        name of a source, number as two bytes, high one first
 *   tag+1 kind ...     the lines of one key (key.h), one record after another
 *
 * A record is a struct format_record, the key and the requirement as text.
 * Numbers are in the machine's byte order, which `order` tells: the file is
 * made and read on one machine.
 */
#ifndef TLSPOLICY_FORMAT_H
#define TLSPOLICY_FORMAT_H

#include <sys/types.h>

#include <lmdb.h>
#include <stdint.h>

#include "policy/base/pool.h"
#include "policy/store/filter.h"
#include "policy/store/store.h"

#define FORMAT_MAGIC "tlspolcy"

enum {
	FORMAT_VERSION = 3,
	FORMAT_ORDER = 0x01020304,
	FORMAT_READERS = 1024, /* slots in the lock file */
	FORMAT_SOURCES_KEPT = 8 /* sources whose names a reader remembers */
};

struct format_info {
	char magic[8];
	uint32_t version, order;
	struct store_info info;
	uint64_t txnid; /* LMDB's number of the commit that wrote this */
	uint64_t sum;	/* of all other entries, see format_sum() */
	uint64_t check; /* format_check() */
};

struct format_record {
	uint32_t line;
	uint16_t source, flags, key_length, requirement_length;
};

/* The first two bytes of the keys above. */
enum { FORMAT_SYSTEM = 0 };
enum format_system {
	FORMAT_FILTER = 'f',
	FORMAT_INFO = 'i',
	FORMAT_LIST = 'l',
	FORMAT_SOURCE = 's'
};

/*
 * Address space for the map: sparse, taken once, never resized, since a map
 * must not change under live transactions.  16 GB hold some 50 million rules.
 */
#define FORMAT_MAP_SIZE ((size_t)16 << 30)

/* format.c */
/*
 * What an entry adds to the sum, modulo 2^64: commutative, so that one rule
 * can be changed without reading the others.
 */
uint64_t format_sum(const MDB_val *key, const MDB_val *value);
/* Over the info itself, with `check` taken as 0. */
uint64_t format_check(const struct format_info *);
/*
 * The key of a CIPHER list, at most KEY_TEXT_MAX bytes; returns its length,
 * which is even: LMDB puts a value right behind its key, and ids are read in
 * place as uint16_t.
 */
size_t format_list_key(struct slice list, unsigned char key[KEY_MAX]);

/* A read transaction between two uses. */
struct store_resting {
	MDB_txn *txn;
	size_t snapshot; /* whose info and filter these are; 0: none */
	struct store_info info;
	struct filter filter;
	struct slice source[FORMAT_SOURCES_KEPT]; /* names; p NULL: not read */
};

struct store {
	MDB_env *env;
	MDB_dbi dbi;
	char *path;
	dev_t dev;
	ino_t ino, lock_ino;
	off_t size; /* when it was opened; LMDB makes no file smaller */
	struct pool resting;	/* struct store_resting */
};

/* For the other files. */
bool store_lmdb_fault(struct fault *, int error, const char *path);
/* With MDB_NOSUBDIR and MDB_NOTLS; gives dead readers' slots back. */
bool store_open_env(const char *path, unsigned flags, MDB_env **,
    struct fault *);
/*
 * A look at pages that somebody cut off the file would end the process; this
 * leaves only the moment of the cutting itself to that.
 */
bool store_is_whole(const struct store *, struct fault *);
void store_discard(struct store_resting *);
bool store_read_info(MDB_txn *, MDB_dbi, const char *path,
    struct format_info *, struct fault *);
/* Is there any rule of this sort? */
bool store_has_kind(const struct store_reader *, enum tag, enum key_kind);
/* The rules of the key with these bytes and this sum (filter.h). */
enum lookup_result store_get_hashed(struct store_reader *,
    const unsigned char *key, size_t n, uint64_t hash, struct stored_rules *);

#endif
