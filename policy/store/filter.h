/*
 * filter.h - which keys a store certainly does not hold.
 *
 * Most look-ups of a session find nothing: the parents of a name, the networks
 * around an address, a sender of his own.  A Bloom filter in blocks of a cache
 * line (Putze, Sanders, Singler, "Cache-, Hash- and Space-Efficient Bloom
 * Filters", 2007) answers those from one and a half bytes for each key, where
 * the tree would be walked through memory that no cache holds.  One in a
 * hundred absent keys passes and is looked up in vain.
 *
 * It is one value in the store, made anew with each commit, and names the
 * prefix lengths in use, so that no others are tried.
 *
 * Threads: no state.
 */
#ifndef TLSPOLICY_FILTER_H
#define TLSPOLICY_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { FILTER_BLOCK = 64, FILTER_BITS = 6 };

/* The first block. */
struct filter_head {
	uint64_t blocks;	/* behind it */
	uint64_t lengths[2][3]; /* of IPv4 and IPv6 prefixes: a bit for each */
	uint64_t unused;
};

/* One that is read; the memory is the store's. */
struct filter {
	struct filter_head head;
	const unsigned char *blocks;
};

/* How a key's bytes are summed up, one after another, from filter_start(). */
static inline uint64_t
filter_start(void)
{
	return UINT64_C(0x243f6a8885a308d3);
}

static inline uint64_t
filter_byte(uint64_t hash, unsigned char c)
{
	return (hash ^ c) * UINT64_C(0x9e3779b97f4a7c15);
}

static inline uint64_t
filter_hash(const unsigned char *bytes, size_t n)
{
	uint64_t hash = filter_start();

	for (size_t i = 0; i < n; i++)
		hash = filter_byte(hash, bytes[i]);
	return hash;
}

/* Bytes that a filter for so many keys takes. */
size_t filter_size(uint64_t keys);
/* `memory`: filter_size(keys) bytes, on any boundary. */
void filter_make(unsigned char *memory, uint64_t keys);
void filter_add(unsigned char *memory, const unsigned char *key, size_t n);

/* False: this is no filter. */
bool filter_read(struct filter *, const unsigned char *memory, size_t size);
/* That sum will be asked for soon. */
void filter_prefetch(const struct filter *, uint64_t hash);
/* False: no key in the store has this sum. */
bool filter_may_hold(const struct filter *, uint64_t hash);
/* Is a prefix of so many bits, of family 4 or 6, in the store at all? */
bool filter_has_length(const struct filter *, unsigned family, unsigned bits);

#endif
