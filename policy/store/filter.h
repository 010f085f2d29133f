/*
 * filter.h - which keys a store holds, and what each one's value must be.
 *
 * Most look-ups of a session find nothing: the parents of a name, the networks
 * around an address, a sender of his own.  A hash table in lines of a cache
 * line answers those where the tree would be walked through memory that no
 * cache holds.  An entry has 40 bits of the key's hash and 24 of the value's
 * sum; each line has a check of 64 bits.  So what is read from a file whose
 * bits may change while it is open can be trusted: "absent" was said by a line
 * as it was written, "found" is a value that was written for this key by this
 * commit, and a key that stands here and not in the tree is damage.
 *
 * It is no seal: who can forge it can write the store anyway.
 *
 * It is one value in the store, made anew with each commit.  Its head stands
 * in the info (format.h), and names the prefix lengths in use, so that no
 * others are tried.
 *
 * Threads: no state.
 */
#ifndef TLSPOLICY_FILTER_H
#define TLSPOLICY_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/store/store.h"

enum {
	FILTER_LINE = 64,
	FILTER_SLOTS = 7,
	FILTER_PAD = 48 /* before the first: behind LMDB's head of a page */
};

struct filter_head {
	uint64_t lines;
	uint64_t salt; /* so that nobody outside can name keys that collide */
	uint64_t lengths[2][3]; /* of IPv4 and IPv6 prefixes: a bit for each */
};

/* A filter that is read; its memory is the store's. */
struct filter {
	struct filter_head head;
	const unsigned char *lines;
};

/* How a key's bytes are summed up, one after another, from the salt. */
static inline uint64_t
filter_byte(uint64_t hash, unsigned char c)
{
	return (hash ^ c) * UINT64_C(0x9e3779b97f4a7c15);
}

static inline uint64_t
filter_hash(uint64_t salt, const unsigned char *bytes, size_t n)
{
	uint64_t hash = salt;

	for (size_t i = 0; i < n; i++)
		hash = filter_byte(hash, bytes[i]);
	return hash;
}

/* Bytes that a filter for so many keys takes. */
size_t filter_size(uint64_t keys);
/* `memory`: filter_size(keys) bytes, on any boundary. */
void filter_make(struct filter_head *, unsigned char *memory, uint64_t keys,
    uint64_t salt) NONNULL;
/*
 * A key is added in two steps, between which others can be announced: the
 * memory comes meanwhile.  `sum`: of key and value, from 1 on.  False: the hash is another
 * key's, too; the filter is to be made again with another salt.
 */
uint64_t filter_announce(struct filter_head *, unsigned char *memory,
    const unsigned char *key, size_t n) NONNULL;
bool filter_add(const struct filter_head *, unsigned char *memory,
    uint64_t hash, uint64_t sum) MUST_CHECK NONNULL;
/* When all keys are there. */
void filter_seal(const struct filter_head *, unsigned char *memory) NONNULL;

/* False: no filter with this head. */
bool filter_read(struct filter *, const struct filter_head *,
    const void *memory, size_t size) MUST_CHECK;
/* Fetches the line of the hash from memory, for filter_find() later. */
void filter_prefetch(const struct filter *, uint64_t hash) NONNULL;
/* *check: for filter_vouches().  Failed: damaged. */
enum lookup_result filter_find(const struct filter *, uint64_t hash,
    uint32_t *check) MUST_CHECK NONNULL;
/* The bytes of a key, of a value or of the info, put behind a sum. */
uint64_t filter_sum(uint64_t sum, const void *bytes, size_t n);
/* Is this the sum of the value that was written? */
bool filter_vouches(uint32_t check, uint64_t sum);
/* Is a prefix of so many bits, of family 4 or 6, in the store at all? */
bool filter_has_length(const struct filter *, unsigned family, unsigned bits)
    NONNULL;

#endif
