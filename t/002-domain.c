/* Domain names in one spelling, and their labels in reverse. */
#include <stdio.h>
#include <string.h>
#include <unistr.h>

#include "policy/base/domain.h"
#include "policy/base/punycode.h"
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
		/* IDNA 2008 has no U+2603, ICU and MTAs convert it */
		{ "\xe2\x98\x83.example", "xn--n3h.example", false },
		{ "A.\xe2\x98\x83M\xc3\x9c.example", "a.xn--m-eha945z.example",
		    false },
		{ "\xf0\x9f\x92\xa9.example", "xn--ls8h.example", false },
		/* writing from right to left: RFC 3492, section 7.1 (A), with a
		 * question mark, and behind a digit of another script */
		{ "\xd9\x84\xd9\x8a\xd9\x87\xd9\x85\xd8\xa7\xd8\xa8\xd8\xaa"
		    "\xd9\x83\xd9\x84\xd9\x85\xd9\x88\xd8\xb4\xd8\xb9\xd8\xb1"
		    "\xd8\xa8\xd9\x8a\xd8\x9f", "xn--egbpdaj6bu4bxfgehfvwxn",
		    false },
		{ "\xd9\xa0" "A.example", "xn--a-7pc.example", false },
		/* a wide form is mapped, a hyphen in front stays */
		{ "-\xef\xbc\xa2" "ank.example", "-bank.example", false },
		{ "\xe2\x80\xaegnp.exe", "\xe2\x80\xaegnp.exe", false },
		{ "\xe2\x98\x83\xc2\x9b.x", "\xe2\x98\x83\xc2\x9b.x", false },
		{ "\xe2\x98\x83!.example", "\xe2\x98\x83!.example", false },
		{ "\xff\xe3\x80\x82" "Bank\xef\xbc\x8e\xe2\x98\x83\xef\xbd\xa1" "Example",
		    "\xff.bank.xn--n3h.example", false },
		{ "bank.example\xe3\x80\x82", "bank.example", true },
		{ "\xe3\x80\x82", "", true }
	};

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		char buf[DOMAIN_TEXT_MAX];
		struct text out;
		bool good;

		text_init(&out, buf, sizeof buf);
		good = domain_canonical(slice_of(rows[i].name), &out) ==
		    DOMAIN_WHOLE;
		unit_same(rows[i].name, rows[i].want, buf);
		unit_number(rows[i].name, rows[i].good, good);
	}
	unit_end();
}

/* A name that is too long loses its first labels: its parents stay. */
static void
test_long_names_keep_their_end(void **state)
{
	static const char *const labels[] = { "a.", "abcdefgh.", "\xc3\xbc.",
		"\xff.", "\xe3\x80\x82", "\xc3\xbc\xef\xbd\xa1",
		"\xff\xe3\x80\x82", ("0123456789012345678901234567890123456789"
		"012345678901234567890123456789.") };

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(labels); i++) {
		char name[4000] = "", buf[DOMAIN_TEXT_MAX];
		struct text out;

		while (strlen(name) < 3500)
			strcat(name, labels[i]);
		strcat(name, "Partner.Example");
		text_init(&out, buf, sizeof buf);
		unit_number(labels[i], DOMAIN_ODD,
		    domain_canonical(slice_of(name), &out));
		assert_true(out.n > 16);
		unit_same(labels[i], ".partner.example",
		    buf + out.n - strlen(".partner.example"));
	}
	unit_end();
}

/* What libidn2 converts has the same A-label by punycode.h. */
static void
test_encoded_as_idn2(void **state)
{
	static const uint32_t firsts[] = { 0xe0, 0x3b1, 0x430, 0x5d0, 0x905,
		0x4e00, 0xac00, 0x1e01, 0x61 };
	uint64_t seed = 42;
	unsigned same = 0;

	(void)state;
	for (int i = 0; i < 3000; i++) {
		char label[64] = "", name[DOMAIN_TEXT_MAX];
		char code[DOMAIN_TEXT_MAX];
		struct text out, encoded;
		size_t n = 0, letters = 1 + unit_random(&seed) % 8;

		while (letters-- > 0) {
			uint32_t c = firsts[unit_random(&seed) % 9] +
			    unit_random(&seed) % 20;

			/*
			 * domain.c folds U+03C2 and U+00DF; libidn2 keeps them.
			 */
			if (c == 0x3c2 || c == 0xdf)
				continue;
			n += (size_t)u8_uctomb((uint8_t *)label + n, c, 4);
		}
		text_init(&out, name, sizeof name);
		if (n == 0 || !domain_canonical(slice_make(label, n), &out))
			continue;
		text_init(&encoded, code, sizeof code);
		unit_number(label, true, punycode_put_label(&encoded,
		    slice_make(label, n)));
		unit_same(label, name, code);
		same++;
	}
	assert_true(same > 1000);
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

/*
 * In room of every size the last labels are there, and nothing beyond the room.
 */
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
		cmocka_unit_test(test_encoded_as_idn2),
		cmocka_unit_test(test_reverse),
		cmocka_unit_test(test_reverse_bounds),
	};

	return unit_main(tests);
}
