/* The filter: never "no" to a key that is there, seldom "perhaps" to others. */
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

static bool
may_hold(const struct filter *f, unsigned i)
{
	unsigned char key[KEY_MAX];
	size_t n = make_key(i, key);

	return filter_may_hold(f, filter_hash(key, n));
}

static void
test_keys(void **state)
{
	unsigned char *memory = malloc(filter_size(KEYS) + 1);
	unsigned char *odd = memory + 1; /* LMDB aligns to two bytes at best */
	unsigned char key[KEY_MAX];
	unsigned wrong = 0;
	struct filter f;

	(void)state;
	filter_make(odd, KEYS);
	for (unsigned i = 0; i < KEYS; i++)
		filter_add(odd, key, make_key(i, key));
	assert_true(filter_read(&f, odd, filter_size(KEYS)));
	for (unsigned i = 0; i < KEYS; i++)
		assert_true(may_hold(&f, i));
	for (unsigned i = KEYS; i < 2 * KEYS; i++)
		wrong += may_hold(&f, i);
	assert_in_range(wrong, 1, KEYS / 50);
	free(memory);
}

static void
add_prefix(unsigned char *memory, const char *text)
{
	struct netprefix prefix;
	struct key key;

	assert_int_equal(netprefix_parse(slice_of(text), &prefix),
	    NETPREFIX_OK);
	key_address(TAG_CLT, KEY_ADDRESS, &prefix, &key);
	filter_add(memory, key.bytes, key.n);
}

static void
test_lengths(void **state)
{
	unsigned char memory[4096], name[KEY_MAX];
	struct filter f;

	(void)state;
	filter_make(memory, 6);
	add_prefix(memory, "0.0.0.0/0");
	add_prefix(memory, "192.0.2.0/24");
	add_prefix(memory, "192.0.2.1");
	add_prefix(memory, "2001:db8::/32");
	add_prefix(memory, "2001:db8::1");
	filter_add(memory, name, make_key(1, name)); /* no length */
	assert_true(filter_read(&f, memory, filter_size(6)));
	for (unsigned bits = 0; bits <= 128; bits++) {
		assert_int_equal(filter_has_length(&f, 4, bits), bits == 0 ||
		    bits == 24 || bits == 32);
		assert_int_equal(filter_has_length(&f, 6, bits),
		    bits == 32 || bits == 128);
	}
}

/* A store's value may be anything. */
static void
test_foreign(void **state)
{
	static unsigned char memory[4096];
	struct filter f;

	(void)state;
	filter_make(memory, 100);
	assert_true(filter_read(&f, memory, filter_size(100)));
	for (size_t n = 0; n < filter_size(100); n++)
		assert_false(filter_read(&f, memory, n));
	assert_false(filter_read(&f, memory, filter_size(100) + 64));
	memset(memory, 0xff, sizeof memory);
	assert_false(filter_read(&f, memory, filter_size(100)));
	memset(memory, 0, sizeof memory);
	assert_false(filter_read(&f, memory, filter_size(100)));
	assert_false(filter_read(&f, memory, 64));
	filter_make(memory, 0); /* a store without rules */
	assert_true(filter_read(&f, memory, filter_size(0)));
	assert_false(may_hold(&f, 1));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_foreign),
	};

	return unit_main(tests);
}
