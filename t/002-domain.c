/* Domain names in one spelling, and their labels in reverse. */
#include <stdio.h>
#include <string.h>

#include "policy/base/domain.h"
#include "t/unit.h"

static void
test_canonical(void **state)
{
	static const struct {
		const char *name, *want;
		bool good;
	} rows[] = {
		{ "Mail.Example.COM", "mail.example.com", true },
		{ "example.com.", "example.com", true },
		{ "", "", true }, { "localhost", "localhost", true },
		{ "m\xc3\xbcnchen.example", "xn--mnchen-3ya.example", true },
		{ "M\xc3\x9cNCHEN.Example.", "xn--mnchen-3ya.example", true },
		/* decomposed: u and a combining diaeresis */
		{ "mu\xcc\x88nchen.example", "xn--mnchen-3ya.example", true },
		{ "XN--MNCHEN-3YA.example", "xn--mnchen-3ya.example", true },
		/* IDNA 2008: the letter stays a letter */
		{ "fa\xc3\x9f.example", "xn--fa-hia.example", true },
		/* the ideographic full stop is a dot */
		{ "\xe4\xbe\x8b\xe3\x80\x82\x65xample", "xn--fsq.example", true },
		{ "a_b.example", "a_b.example", true },
		/* what is no U-label stays, its neighbours are converted */
		{ "\xff.m\xc3\xbcnchen.example",
		    "\xff.xn--mnchen-3ya.example", false },
		{ "bad\xff.Example.COM", "bad\xff.example.com", false },
		/* a snowman is no letter */
		{ "\xe2\x98\x83.example", "\xe2\x98\x83.example", false }
	};

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		char buf[DOMAIN_TEXT_MAX];
		struct text out;
		bool good;

		text_init(&out, buf, sizeof buf);
		good = domain_canonical(slice_of(rows[i].name), &out);
		unit_same(rows[i].name, rows[i].want, buf);
		unit_number(rows[i].name, rows[i].good, good);
	}
	unit_end();
}

/* However long a stranger's name is, its parents are still at its end. */
static void
test_long_names_keep_their_end(void **state)
{
	static const char *const labels[] = { "a.", "abcdefgh.", "\xc3\xbc.",
		"\xff.", ("0123456789012345678901234567890123456789"
		"012345678901234567890123456789.") };

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(labels); i++) {
		char name[4000] = "", buf[DOMAIN_TEXT_MAX];
		struct text out;

		while (strlen(name) < 3500)
			strcat(name, labels[i]);
		strcat(name, "Partner.Example");
		text_init(&out, buf, sizeof buf);
		unit_number(labels[i], false,
		    domain_canonical(slice_of(name), &out));
		assert_true(out.n > 16);
		unit_same(labels[i], ".partner.example",
		    buf + out.n - strlen(".partner.example"));
	}
	unit_end();
}

static void
test_reverse(void **state)
{
	static const struct {
		const char *name;
		bool subdomains;
		const char *want;
	} rows[] = {
		{ "mail.example.com", false, "com\1example\1mail\1" },
		{ "example.com", true, "com\1example\1\1" },
		{ "com", false, "com\1" }, { "", false, "" },
		{ "a..b", false, "b\1\1a\1" },
		{ "a\1b.c", false, "c\1a\2b\1" }
	};

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		char buf[64];
		size_t n = domain_reverse(slice_of(rows[i].name),
		    rows[i].subdomains, buf, sizeof buf);

		unit_slice(rows[i].name, rows[i].want, slice_make(buf, n));
	}
	unit_end();
}

/* Of every size: never past the end, always the last labels. */
static void
test_reverse_bounds(void **state)
{
	static const char whole[] = "com\1example\1mail\1";

	(void)state;
	for (size_t size = 1; size < 30; size++) {
		char *buf = malloc(size);
		size_t n = domain_reverse(slice_of("mail.example.com"), true,
		    buf, size);

		assert_true(n <= size);
		assert_int_equal(buf[n - 1], '\1');
		assert_memory_equal(buf, whole, n - 1);
		free(buf);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_canonical),
		cmocka_unit_test(test_long_names_keep_their_end),
		cmocka_unit_test(test_reverse),
		cmocka_unit_test(test_reverse_bounds),
	};

	return unit_main(tests);
}
