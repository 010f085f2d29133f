#include "policy/rules/key.h"
#include "policy/store/filter.h"

enum { BITS_PER_KEY = 12, BLOCK_BITS = FILTER_BLOCK * 8 };

static uint64_t
blocks_for(uint64_t keys)
{
	return keys * BITS_PER_KEY / BLOCK_BITS + 1;
}

size_t
filter_size(uint64_t keys)
{
	return (size_t)(1 + blocks_for(keys)) * FILTER_BLOCK;
}

/* Multiplication alone moves nothing downwards. */
static uint64_t
mix(uint64_t hash)
{
	hash = (hash ^ hash >> 32) * UINT64_C(0xd6e8feb86659fd93);
	return hash ^ hash >> 32;
}

static size_t
block_of(uint64_t hash, uint64_t blocks)
{
	return (size_t)((hash >> 32) * blocks >> 32) * FILTER_BLOCK;
}

/* Each bit of the block takes nine bits of the hash. */
static uint64_t
bits_of(uint64_t hash)
{
	return mix(hash + UINT64_C(0x9e3779b97f4a7c15));
}

void
filter_make(unsigned char *memory, uint64_t keys)
{
	struct filter_head head = { .blocks = blocks_for(keys) };

	memset(memory, 0, filter_size(keys));
	memcpy(memory, &head, sizeof head);
}

static void
add_length(struct filter_head *head, const unsigned char *key, size_t n)
{
	unsigned bits = key[n - 1];

	if ((key[1] == KEY_ADDRESS || key[1] == KEY_BRACKET) && bits <= 128)
		head->lengths[key[KEY_HEAD] != 4][bits / 64] |=
		    UINT64_C(1) << bits % 64;
}

void
filter_add(unsigned char *memory, const unsigned char *key, size_t n)
{
	uint64_t hash = mix(filter_hash(key, n)), bits = bits_of(hash);
	struct filter_head head;
	unsigned char *block;

	memcpy(&head, memory, sizeof head);
	block = memory + FILTER_BLOCK + block_of(hash, head.blocks);
	for (int i = 0; i < FILTER_BITS; i++, bits >>= 9)
		block[bits % BLOCK_BITS / 8] |=
		    (unsigned char)(1U << bits % 8);
	if (n > KEY_HEAD) {
		add_length(&head, key, n);
		memcpy(memory, &head, sizeof head);
	}
}

bool
filter_read(struct filter *f, const unsigned char *memory, size_t size)
{
	if (size < 2 * FILTER_BLOCK)
		return false;
	memcpy(&f->head, memory, sizeof f->head);
	f->blocks = memory + FILTER_BLOCK;
	return f->head.blocks <= UINT32_MAX &&
	    f->head.blocks == size / FILTER_BLOCK - 1;
}

void
filter_prefetch(const struct filter *f, uint64_t hash)
{
	__builtin_prefetch(f->blocks + block_of(mix(hash), f->head.blocks));
}

bool
filter_may_hold(const struct filter *f, uint64_t hash)
{
	const unsigned char *block;
	uint64_t bits;

	hash = mix(hash);
	bits = bits_of(hash);
	block = f->blocks + block_of(hash, f->head.blocks);
	for (int i = 0; i < FILTER_BITS; i++, bits >>= 9)
		if ((block[bits % BLOCK_BITS / 8] >> bits % 8 & 1) == 0)
			return false;
	return true;
}

bool
filter_has_length(const struct filter *f, unsigned family, unsigned bits)
{
	return (f->head.lengths[family != 4][bits / 64] >> bits % 64 & 1) != 0;
}
