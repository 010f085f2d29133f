/*
 * On average 4 of a line's 7 slots are taken, 16 bytes for a key; where all
 * are, a key goes to the next line, and the search goes on there.
 *
 * LMDB keeps no checksums, and a changed byte in a key would make a rule vanish
 * without a trace.  Each step of a sum can be undone when the word is known, so
 * that a change within one word never goes unseen; beyond that chance is 2^-64.
 */
#include "config.h" /* for le64toh(3) */

#include <endian.h>
#include <string.h>

#include "policy/store/filter.h"

enum { KEYS_PER_LINE = 4, CHECK_BITS = 24 };

size_t
filter_size(uint64_t keys)
{
	return FILTER_PAD + (size_t)(keys / KEYS_PER_LINE + 1) * FILTER_LINE;
}

/* Folds high bits down: a multiplication carries bits upwards only. */
static inline uint64_t
mix(uint64_t hash)
{
	hash = (hash ^ hash >> 32) * UINT64_C(0xd6e8feb86659fd93);
	return hash ^ hash >> 32;
}

static inline uint64_t
line_of(uint64_t hash, uint64_t lines)
{
	return (mix(hash) >> 32) * lines >> 32;
}

/* 40 bits, of which the highest is set: no slot with a key is 0. */
static inline uint64_t
tag_of(uint64_t hash)
{
	return mix(mix(hash) + UINT64_C(0x9e3779b97f4a7c15)) >> CHECK_BITS |
	    UINT64_C(1) << (63 - CHECK_BITS);
}

static inline uint32_t
check_of(uint64_t sum)
{
	return (uint32_t)(mix(sum) >> 32) & ((1U << CHECK_BITS) - 1);
}

bool
filter_vouches(uint32_t check, uint64_t sum)
{
	return check == check_of(sum);
}

static inline uint64_t
step(uint64_t sum, uint64_t word)
{
	sum = (sum ^ word) * UINT64_C(0x9e3779b97f4a7c15);
	return sum ^ sum >> 32;
}

/*
 * Eight bytes at a time, since a build adds up every rule.  The last word has
 * less than 8 bytes, and their number in its top byte.
 */
uint64_t
filter_sum(uint64_t sum, const void *bytes, size_t n)
{
	const unsigned char *p = bytes;
	size_t rest = n % sizeof sum;
	uint64_t word, last = 0;

	for (size_t i = 0; i + sizeof word <= n; i += sizeof word) {
		memcpy(&word, p + i, sizeof word);
		sum = step(sum, word);
	}
	for (size_t i = 0; n < sizeof word && i < rest; i++)
		last |= (uint64_t)p[i] << 8 * i;
	if (n >= sizeof word && rest > 0) {
		memcpy(&last, p + n - sizeof last, sizeof last);
		last = le64toh(last) >> 8 * (sizeof last - rest);
	}
	return step(sum, last | (uint64_t)rest << 56);
}

/* Two chains, for the processor to work on both. */
static inline uint64_t
line_check(const uint64_t *slot, uint64_t salt, uint64_t number)
{
	uint64_t a = step(salt, slot[0]), b = step(number, slot[1]);

	a = step(a, slot[2]);
	b = step(b, slot[3]);
	a = step(a, slot[4]);
	b = step(b, slot[5]);
	return step(step(a, slot[6]), b);
}

void
filter_make(struct filter_head *head, unsigned char *memory, uint64_t keys,
    uint64_t salt)
{
	size_t size = filter_size(keys);

	memset(memory, 0, size);
	memset(head, 0, sizeof *head);
	head->lines = (size - FILTER_PAD) / FILTER_LINE;
	head->salt = salt;
}

static void
add_length(struct filter_head *head, const unsigned char *key, size_t n)
{
	unsigned bits = key[n - 1];

	if (key[0] != 0 && n > KEY_HEAD &&
	    (key[1] == KEY_ADDRESS || key[1] == KEY_BRACKET) && bits <= 128)
		head->lengths[key[KEY_HEAD] != 4][bits / 64] |=
		    UINT64_C(1) << bits % 64;
}

uint64_t
filter_announce(struct filter_head *head, unsigned char *memory,
    const unsigned char *key, size_t n)
{
	uint64_t hash = filter_hash(head->salt, key, n);

	add_length(head, key, n);
	__builtin_prefetch(memory + FILTER_PAD +
	    line_of(hash, head->lines) * FILTER_LINE, 1);
	return hash;
}

bool
filter_add(const struct filter_head *head, unsigned char *memory,
    uint64_t hash, uint64_t sum)
{
	uint64_t tag = tag_of(hash), line = line_of(hash, head->lines), slot;

	for (;; line = line + 1 == head->lines ? 0 : line + 1) {
		unsigned char *at = memory + FILTER_PAD + line * FILTER_LINE;

		for (int i = 0; i < FILTER_SLOTS; i++, at += sizeof slot) {
			memcpy(&slot, at, sizeof slot);
			if (slot >> CHECK_BITS == tag)
				return false;
			if (slot != 0)
				continue;
			slot = tag << CHECK_BITS | check_of(sum);
			memcpy(at, &slot, sizeof slot);
			return true;
		}
	}
}

void
filter_seal(const struct filter_head *head, unsigned char *memory)
{
	uint64_t slot[FILTER_SLOTS], check;
	unsigned char *at = memory + FILTER_PAD;

	for (uint64_t line = 0; line < head->lines; line++, at += FILTER_LINE) {
		memcpy(slot, at, sizeof slot);
		check = line_check(slot, head->salt, line);
		memcpy(at + sizeof slot, &check, sizeof check);
	}
}

bool
filter_read(struct filter *f, const struct filter_head *head,
    const void *memory, size_t size)
{
	if (head->lines == 0 || head->lines > UINT32_MAX ||
	    size != FILTER_PAD + head->lines * FILTER_LINE)
		return false;
	f->head = *head;
	f->lines = (const unsigned char *)memory + FILTER_PAD;
	return true;
}

void
filter_prefetch(const struct filter *f, uint64_t hash)
{
	__builtin_prefetch(f->lines +
	    line_of(hash, f->head.lines) * FILTER_LINE);
}

enum lookup_result
filter_find(const struct filter *f, uint64_t hash, uint32_t *check)
{
	uint64_t slot[FILTER_SLOTS + 1], tag = tag_of(hash);
	uint64_t line = line_of(hash, f->head.lines);

	for (uint64_t tried = 0; tried < f->head.lines; tried++) {
		memcpy(slot, f->lines + line * FILTER_LINE, sizeof slot);
		if (slot[FILTER_SLOTS] !=
		    line_check(slot, f->head.salt, line))
			return LOOKUP_FAILED;
		for (int i = 0; i < FILTER_SLOTS; i++)
			if (slot[i] >> CHECK_BITS == tag) {
				*check = (uint32_t)slot[i] &
				    ((1U << CHECK_BITS) - 1);
				return LOOKUP_FOUND;
			}
		if (slot[FILTER_SLOTS - 1] == 0)
			return LOOKUP_ABSENT;
		line = line + 1 == f->head.lines ? 0 : line + 1;
	}
	return LOOKUP_FAILED;
}

bool
filter_has_length(const struct filter *f, unsigned family, unsigned bits)
{
	return (f->head.lengths[family != 4][bits / 64] >> bits % 64 & 1) != 0;
}
