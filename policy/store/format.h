/*
 * format.h - what stands in a store; only for the files of policy/store.
 *
 * One LMDB database, keys in memcmp(3) order:
 *
 *   \0 c               the settings that bear on a verdict, as text
 *   \0 f               which keys there are, and their values' sums (filter.h)
 *   \0 g number part   a generation (history-internal.h)
 *   \0 i               struct format_info
 *   \0 l list [\0]     ids of the suites of a CIPHER list, uint16_t each
 *   \0 p               struct plan (plan.h), in the store of a plan
 *   \0 s number        name of a source, number as two bytes, high one first
 *   \0 y [uuid]        what a directory's entries were (synced.h)
 *   tag+1 kind ...     the lines of one key (key.h), one record after another
 *
 * A record is a struct format_record, the key and the requirement as text.
 * The info has a check of its own, the filter in each line; what else a reader
 * uses the filter vouches for, but for generations (history-internal.h) and a
 * directory's entries, of which \0 y has the sum.  Numbers are in the machine's
 * byte order, which `order` tells: the file is made and read on one machine.
 */
#ifndef TLSPOLICY_FORMAT_H
#define TLSPOLICY_FORMAT_H

#include <sys/types.h>

#include <lmdb.h>
#include <stdint.h>

#include "policy/store/filter.h"
#include "policy/store/store.h"

#define FORMAT_MAGIC "tlspolcy"

enum {
	FORMAT_VERSION = 7, /* since then keys have the form of unicode.h */
	FORMAT_OLDEST = 4, /* that older.h takes over */
	FORMAT_ORDER = 0x01020304,
	FORMAT_READERS = 1024, /* slots in the lock file */
	FORMAT_SOURCES_KEPT = 8 /* sources whose names a reader remembers */
};

struct format_info {
	char magic[8];
	uint32_t version, order;
	struct store_info info;
	struct filter_head filter;
	uint64_t txnid; /* LMDB's number of the commit that wrote this */
	uint64_t sum;	/* of all others, see format_sum() and _is_apart() */
	uint64_t check; /* format_check() */
};

struct format_record {
	uint32_t line;
	uint16_t source, flags, key_length, requirement_length;
};

/* The first two bytes of the keys above. */
enum { FORMAT_SYSTEM = 0 };
enum format_system {
	FORMAT_SETTINGS = 'c',
	FORMAT_FILTER = 'f',
	FORMAT_GENERATION = 'g',
	FORMAT_INFO = 'i',
	FORMAT_LIST = 'l',
	FORMAT_PLAN = 'p',
	FORMAT_SOURCE = 's',
	FORMAT_SYNCED = 'y' /* the last of them */
};

/* Sparse, never resized under live transactions; some 50 million rules. */
#define FORMAT_MAP_SIZE ((size_t)16 << 30)

/* format.c */
/* What an entry adds to the sum, modulo 2^64: rules change one by one. */
uint64_t format_sum(const MDB_val *key, const MDB_val *value) NONNULL;
/* Over an info of `n` bytes whose last member, the check, counts as 0. */
enum { FORMAT_INFO_MAX = 4096 };
uint64_t format_check(const void *info, size_t n) NONNULL;
/*
 * The key of a CIPHER list, at most KEY_TEXT_MAX bytes; returns its length,
 * which is even: LMDB puts a value right behind its key, and ids are read in
 * place as uint16_t.
 */
size_t format_list_key(struct slice list, unsigned char key[KEY_MAX]);
/* Is this key the store's own, with this word in it; is it left out by sums? */
bool format_is(struct slice key, enum format_system);
bool format_is_apart(struct slice key);
/*
 * The value of the info, as far as it can be told whether it is one of ours:
 * its check is the caller's to compare.
 */
bool format_read_info(struct slice value, const char *path,
    struct format_info *, struct fault *) MUST_CHECK NONNULL;

/* The next record.  False at the end; or, when something is left, damaged. */
static inline bool
format_next(struct slice *rest, struct stored_rule *rule)
{
	struct format_record record;
	struct slice s = *rest;

	if (s.n < sizeof record)
		return false;
	memcpy(&record, s.p, sizeof record);
	s = slice_from(s, sizeof record);
	if (s.n < (size_t)record.key_length + record.requirement_length)
		return false;
	rule->key = slice_make(s.p, record.key_length);
	s = slice_from(s, record.key_length);
	rule->requirement = slice_make(s.p, record.requirement_length);
	*rest = slice_from(s, record.requirement_length);
	rule->line = record.line;
	rule->source = record.source;
	rule->flags = record.flags;
	return true;
}

#endif
