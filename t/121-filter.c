/* The filter: which keys are there, and with which values; or damaged. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/rules/key.h"
#include "policy/store/filter.h"
#include "t/unit.h"

enum { KEYS = 50000 };

static size_t
make_key(unsigned i, unsigned char *key)
{
	return (size_t)sprintf((char *)key, "%c%ccom\1domain%u\1mail\1",
	    TAG_CLT + 1, KEY_NAME, i);
}

static struct filter_head head;

static bool
add(unsigned char *memory, const unsigned char *key, size_t n, uint64_t sum)
{
	return filter_add(&head, memory, filter_announce(&head, memory, key,
	    n), sum);
}

static enum lookup_result
find(const struct filter *f, unsigned i, uint32_t *check)
{
	unsigned char key[KEY_MAX];
	size_t n = make_key(i, key);

	return filter_find(f, filter_hash(f->head.salt, key, n), check);
}

/* Key i's value has the sum i * i. */
static unsigned char *
make_filter(size_t odd)
{
	unsigned char *memory = (unsigned char *)malloc(filter_size(KEYS) +
	    odd) + odd;
	unsigned char key[KEY_MAX];

	filter_make(&head, memory, KEYS, 7);
	for (unsigned i = 0; i < KEYS; i++)
		assert_true(add(memory, key, make_key(i, key),
		    (uint64_t)i * i));
	filter_seal(&head, memory);
	return memory;
}

static void
test_keys(void **state)
{
	/*
	 * The filter may lie at an odd address: LMDB aligns values to two bytes
	 * at best.
	 */
	unsigned char *odd = make_filter(1), key[KEY_MAX];
	uint32_t check;
	struct filter f;

	(void)state;
	assert_true(filter_read(&f, &head, odd, filter_size(KEYS)));
	for (unsigned i = 0; i < KEYS; i++) {
		assert_int_equal(find(&f, i, &check), LOOKUP_FOUND);
		assert_true(filter_vouches(check, (uint64_t)i * i));
		assert_false(filter_vouches(check, (uint64_t)i * i + 1));
	}
	for (unsigned i = KEYS; i < 10 * KEYS; i++)
		assert_int_equal(find(&f, i, &check), LOOKUP_ABSENT);
	/* A key that is added twice is refused as a collision. */
	assert_false(add(odd, key, make_key(5, key), 1));
	free(odd - 1);
}

/*
 * Each bit of a line, one and two at a time, and lines that changed places:
 * what was there is never absent, and what was not never found.
 */
static void
test_flipped(void **state)
{
	unsigned char *memory = make_filter(0);
	unsigned char *lines = memory + FILTER_PAD, other[FILTER_LINE];
	uint64_t seed = 3;
	unsigned failed = 0;
	struct filter f;

	(void)state;
	assert_true(filter_read(&f, &head, memory, filter_size(KEYS)));
	for (unsigned n = 0; n < 200000; n++) {
		unsigned i = unit_random(&seed) % (2 * KEYS);
		size_t first = unit_random(&seed) % (head.lines * 512);
		size_t second = n % 2 == 0 ? first :
		    first / 512 * 512 + unit_random(&seed) % 512;
		enum lookup_result result;
		uint32_t check;

		lines[first / 8] ^= (unsigned char)(1 << first % 8);
		if (second != first)
			lines[second / 8] ^= (unsigned char)(1 << second % 8);
		result = find(&f, i, &check);
		if (result == LOOKUP_FAILED)
			failed++;
		else
			unit_number("found", i < KEYS, result == LOOKUP_FOUND);
		lines[first / 8] ^= (unsigned char)(1 << first % 8);
		if (second != first)
			lines[second / 8] ^= (unsigned char)(1 << second % 8);
	}
	/*
	 * Each look-up reads one line of the filter: few of them meet the
	 * changed bits.
	 */
	assert_in_range(failed, 1, 1000);
	for (unsigned n = 0; n + 1 < head.lines; n++) {
		unsigned char *line = lines + (size_t)n * FILTER_LINE;

		memcpy(other, line, sizeof other);
		memcpy(line, line + FILTER_LINE, sizeof other);
		memcpy(line + FILTER_LINE, other, sizeof other);
	}
	for (unsigned i = 0; i < 2 * KEYS; i++) {
		uint32_t check;

		assert_int_equal(find(&f, i, &check), LOOKUP_FAILED);
	}
	free(memory);
	unit_end();
}

static void
add_prefix(unsigned char *memory, const char *text)
{
	struct netprefix prefix;
	struct key key;

	assert_int_equal(netprefix_parse(slice_of(text), &prefix),
	    NETPREFIX_OK);
	key_address(TAG_CLT, KEY_ADDRESS, &prefix.addr, prefix.bits, &key);
	assert_true(add(memory, key.bytes, key.n, 1));
}

static void
test_lengths(void **state)
{
	unsigned char memory[4096], name[KEY_MAX];
	struct filter f;

	(void)state;
	filter_make(&head, memory, 6, 1);
	add_prefix(memory, "0.0.0.0/0");
	add_prefix(memory, "192.0.2.0/24");
	add_prefix(memory, "192.0.2.1");
	add_prefix(memory, "2001:db8::/32");
	add_prefix(memory, "2001:db8::1");
	/* No length. */
	assert_true(add(memory, name, make_key(1, name), 1));
	assert_true(filter_read(&f, &head, memory, filter_size(6)));
	for (unsigned bits = 0; bits <= 128; bits++) {
		assert_int_equal(filter_has_length(&f, 4, bits), bits == 0 ||
		    bits == 24 || bits == 32);
		assert_int_equal(filter_has_length(&f, 6, bits),
		    bits == 32 || bits == 128);
	}
}

/*
 * Bytes that no filter_make() made: filter_read() refuses them or all look-ups
 * stay inside.
 */
static void
test_foreign(void **state)
{
	static unsigned char memory[4096];
	uint32_t check;
	struct filter f;

	(void)state;
	filter_make(&head, memory, 100, 1);
	filter_seal(&head, memory);
	assert_true(filter_read(&f, &head, memory, filter_size(100)));
	assert_int_equal(find(&f, 1, &check), LOOKUP_ABSENT);
	for (size_t n = 0; n < filter_size(100); n++)
		assert_false(filter_read(&f, &head, memory, n));
	assert_false(filter_read(&f, &head, memory, filter_size(100) + 64));
	for (int byte = 0; byte < 256; byte += 255) {
		memset(memory, byte, sizeof memory);
		assert_int_equal(find(&f, 1, &check), LOOKUP_FAILED);
	}
	head.lines = 0;
	assert_false(filter_read(&f, &head, memory, FILTER_PAD));
	head.lines = (uint64_t)UINT32_MAX + 1;
	assert_false(filter_read(&f, &head, memory,
	    (size_t)(FILTER_PAD + head.lines * FILTER_LINE)));
	filter_make(&head, memory, 0, 1); /* a store without rules */
	filter_seal(&head, memory);
	assert_true(filter_read(&f, &head, memory, filter_size(0)));
	assert_int_equal(find(&f, 1, &check), LOOKUP_ABSENT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_flipped),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_foreign),
	};

	return unit_main(tests);
}
