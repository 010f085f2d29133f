/*
 * Organisational domains that were asked for before are those that are told at
 * first, whatever names come in between, and however long they are.
 */
#include <stdio.h>
#include <stdlib.h>

#include "policy/facts/organisations.h"
#include "t/unit.h"

static void
assert_same(struct organisations *o, const char *name, size_t size)
{
	char a_text[DOMAIN_TEXT_MAX + 8], b_text[DOMAIN_TEXT_MAX + 8];
	struct text a, b;

	text_init(&a, a_text, size);
	text_init(&b, b_text, size);
	text_puts(&a, "at ");
	text_puts(&b, "at ");
	organisation_organisational(slice_of(name), &a);
	organisations_find(o, slice_of(name), &b);
	assert_string_equal(b.buf, a.buf);
	assert_int_equal(b.cut, a.cut);
}

static void
assert_all(struct organisations *o)
{
	static const char *const names[] = { "", ".", "co.uk", "a.b.CO.UK",
		"192.0.2.1", "[192.0.2.1]", "IPv6:2001:DB8::1", "x",
		("b\xc3\xbc" "cher.example"), "x.xn--bcher-kva.example",
		"a\xff.example", "x.compute.amazonaws.com", "example.com." };
	char longer[300];

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		assert_same(o, names[i], DOMAIN_TEXT_MAX);
	for (size_t n = 30; n < sizeof longer; n++) {
		memset(longer, 'x', n);
		memcpy(longer + n - 12, ".d.example", 11);
		assert_same(o, longer, DOMAIN_TEXT_MAX);
	}
}

/*
 * More names than the cache has places for, asked three times in other orders.
 */
static void
test_many(void **state)
{
	struct organisations *o = organisations_new();
	char name[64];

	(void)state;
	assert_non_null(o);
	for (unsigned turn = 1; turn <= 3; turn++) {
		for (unsigned i = 0; i < 50000; i++) {
			unsigned k = i * (turn * 2 + 1) % 50000;

			snprintf(name, sizeof name, "mx%u.d%u.%s", k % 7, k,
			    k % 3 == 0 ? "co.uk" : k % 3 == 1 ? "de" :
			    "Example.ORG");
			assert_same(o, name, DOMAIN_TEXT_MAX);
		}
		assert_all(o);
	}
	organisations_free(o);
}

/* A name that was cut for a small buffer is whole in a larger one. */
static void
test_no_room(void **state)
{
	struct organisations *o = organisations_new();

	(void)state;
	assert_non_null(o);
	for (size_t room = 4; room < 24; room++)
		assert_same(o, "mx.example.co.uk", room);
	assert_same(o, "mx.example.co.uk", DOMAIN_TEXT_MAX);
	for (size_t room = 4; room < 24; room++)
		assert_same(o, "mx.example.co.uk", room);
	organisations_free(o);
}

static void
test_none(void **state)
{
	(void)state;
	assert_all(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_no_room),
		cmocka_unit_test(test_none),
	};

	return unit_main(tests);
}
