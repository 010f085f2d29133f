/* Slices, numbers, bounded output, sendmail's +XX spelling. */
#include <string.h>

#include "t/unit.h"

static void
test_numbers(void **state)
{
	static const struct {
		const char *text;
		unsigned long max;
		long want; /* -1: refused */
	} rows[] = {
		{ "0", 10, 0 }, { "10", 10, 10 }, { "11", 10, -1 },
		{ "", 10, -1 }, { "-1", 10, -1 }, { "+1", 10, -1 },
		{ " 1", 10, -1 }, { "1 ", 10, -1 }, { "0x10", 100, -1 },
		{ "007", 10, 7 }, { "65535", 65535, 65535 },
		{ "65536", 65535, -1 }, { "99999999999999999999", 65535, -1 },
		{ "9", 5, -1 }, { "5", 5, 5 }, { "0", 0, 0 }, { "1", 0, -1 },
		{ "12", 5, -1 }
	};

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		unsigned long value = 12345;
		bool good = text_number(slice_of(rows[i].text), rows[i].max,
		    &value);

		unit_number(rows[i].text, rows[i].want, good ? (long)value :
		    -1);
		if (!good)
			unit_number("left alone", 12345, (long)value);
	}
	unit_end();
}

static void
test_compare(void **state)
{
	struct slice none = slice_make(NULL, 0);

	(void)state;
	assert_null(slice_from(none, 0).p);
	assert_int_equal(slice_from(none, 0).n, 0);
	assert_true(slice_equal(none, slice_of("")));
	assert_true(slice_equal_nocase(slice_of("aZ-9"), slice_of("Az-9")));
	/* [ and { differ by the bit that case folding sets. */
	assert_false(slice_equal_nocase(slice_of("["), slice_of("{")));
	assert_false(slice_equal_nocase(slice_of("\xc4"), slice_of("\xe4")));
	assert_true(slice_is_nocase(slice_of("OK"), "ok"));
	assert_false(slice_is_nocase(slice_of("OKAY"), "ok"));
	assert_false(slice_is_nocase(slice_of("O"), "ok"));
	assert_false(slice_is_nocase(slice_make("ok\0", 3), "ok"));
	assert_true(slice_starts_nocase(slice_of("IPv6:x"), "ipV6:"));
	assert_false(slice_starts_nocase(slice_of("IPv"), "IPv6"));
	assert_int_equal(slice_find(slice_of("abc"), 'c'), 2);
	assert_int_equal(slice_find(slice_of("abc"), 'x'), 3);
	assert_int_equal(slice_find(none, 'x'), 0);
	assert_true(slice_is(slice_trim(slice_of(" \t\ra b\r\n")), "a b\r\n"));
	assert_true(slice_is(slice_trim(slice_of("\t a b \r")), "a b"));
	assert_int_equal(slice_trim(slice_of(" \r\t")).n, 0);
}

static void
test_bounds(void **state)
{
	char buf[8];
	struct text out;

	(void)state;
	text_init(&out, buf, sizeof buf);
	text_puts(&out, "1234567");
	assert_false(out.cut);
	text_char(&out, '8');
	assert_true(out.cut);
	assert_string_equal(buf, "1234567");
	text_clear(&out);
	assert_false(out.cut);
	text_printf(&out, "%s", "abcdefg");
	assert_false(out.cut);
	text_printf(&out, "%d", 1);
	assert_true(out.cut);
	assert_int_equal(out.n, 7);
	assert_string_equal(buf, "abcdefg");
	text_init(&out, buf, 1);
	text_puts(&out, "x");
	text_printf(&out, "y");
	assert_true(out.cut);
	assert_string_equal(buf, "");
}

static void
test_printable(void **state)
{
	char buf[64];
	struct text out;

	(void)state;
	text_init(&out, buf, sizeof buf);
	text_put_printable(&out, slice_make("a\r\n\0\x7f\xc3\xa4~ z", 10));
	assert_string_equal(buf, "a????\\x{E4}~ z");
}

/* What steers a terminal never passes, whatever its spelling. */
static void
test_printable_utf8(void **state)
{
	static const struct {
		const char *raw, *ascii, *utf8;
	} rows[] = {
		{ "M\xc3\xbcller \xe2\x82\xac", "M\\x{FC}ller \\x{20AC}",
		    "M\xc3\xbcller \xe2\x82\xac" },
		{ "\xf0\x9f\x98\x80", "\\x{1F600}", "\xf0\x9f\x98\x80" },
		{ "see\tthe page\x1f", "see the page?", "see the page?" },
		{ "\x1b[2J\x9b" "2J", "?[2J?2J", "?[2J?2J" },
		{ "\xc2\x9b" "2J\xc2\x85", "\\x{9B}2J\\x{85}",
		    "\\x{9B}2J\\x{85}" },
		{ "\xe2\x80\xae\xe2\x81\xa6\xd8\x9c\xe2\x80\x8f",
		    "\\x{202E}\\x{2066}\\x{61C}\\x{200F}",
		    "\\x{202E}\\x{2066}\\x{61C}\\x{200F}" },
		{ "\xe2\x80\xa8\xe2\x80\xa9", "\\x{2028}\\x{2029}",
		    "\\x{2028}\\x{2029}" },
		/* What Unicode lets programs ignore, but for U+FE0F. */
		{ "a\xc2\xad" "b\xcd\x8f\xe3\x85\xa4\xef\xb8\x80",
		    "a\\x{AD}b\\x{34F}\\x{3164}\\x{FE00}",
		    "a\\x{AD}b\\x{34F}\\x{3164}\\x{FE00}" },
		{ "\xf3\xa0\x81\x81\xe2\x9c\x89\xef\xb8\x8f",
		    "\\x{E0041}\\x{2709}\\x{FE0F}", "\\x{E0041}\xe2\x9c\x89\xef\xb8\x8f" },
		{ "\xc0\x9b\xed\xa0\x80\xf4\x90\x80\x80\xc3", "??????????",
		    "??????????" }
	};

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		char buf[64];
		struct text out;

		text_init(&out, buf, sizeof buf);
		text_put_printable(&out, slice_of(rows[i].raw));
		assert_string_equal(buf, rows[i].ascii);
		text_clear(&out);
		out.utf8 = true;
		text_put_printable(&out, slice_of(rows[i].raw));
		assert_string_equal(buf, rows[i].utf8);
	}
}

/*
 * A character or an escape that does not fit into the text is left out whole.
 */
static void
test_printable_cut(void **state)
{
	char buf[8];
	struct text out;

	(void)state;
	for (size_t size = 1; size <= sizeof buf; size++) {
		text_init(&out, buf, size);
		text_put_printable(&out, slice_of("a\xc3\xbc"));
		assert_true(out.cut == (size < 8));
		assert_string_equal(buf, size == 1 ? "" : size < 8 ? "a" :
		    "a\\x{FC}");
	}
}

static void
test_xtext(void **state)
{
	static const struct {
		const char *encoded, *plain;
	} rows[] = {
		{ "", "" },
		{ "Darth+20Mail+20+28Cert+29", "Darth Mail (Cert)" },
		{ "J+C3+BCrgen", "J\xc3\xbcrgen" },
		{ "J+c3+bcrgen", "J\xc3\xbcrgen" },
		{ "darth+5C+2Bcert", "darth\\+cert" },
		{ "a+", "a+" }, { "a+2", "a+2" }, { "a+2g", "a+2g" },
		{ "a+g2", "a+g2" }, { "++20", "+ " }, { "+2B20", "+20" }
	};

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		char buf[64];
		struct text out;

		text_init(&out, buf, sizeof buf);
		text_put_xdecoded(&out, slice_of(rows[i].encoded));
		unit_same(rows[i].encoded, rows[i].plain, buf);
		unit_number(rows[i].encoded, true, text_xequal_nocase(
		    slice_of(rows[i].encoded), slice_of(rows[i].plain)));
	}
	assert_true(text_xequal_nocase(slice_of("J+c3+bcRGEN"),
	    slice_of("j\xc3\xbcrgen")));
	assert_false(text_xequal_nocase(slice_of("a+20"), slice_of("a")));
	assert_false(text_xequal_nocase(slice_of("a"), slice_of("a ")));
	unit_end();
}

/*
 * Encoded and decoded, every byte comes back; what sendmail encodes is encoded.
 */
static void
test_xtext_both_ways(void **state)
{
	char plain[256], encoded[1024], again[300];
	struct text out;

	(void)state;
	for (int c = 0; c < 256; c++)
		plain[c] = (char)c;
	text_init(&out, encoded, sizeof encoded);
	text_put_xencoded(&out, slice_make(plain, sizeof plain));
	assert_false(out.cut);
	for (size_t i = 0; i < out.n; i++)
		assert_null(memchr("<>()\" \\", encoded[i], 7));
	assert_non_null(strstr(encoded, "+2B"));
	assert_non_null(strstr(encoded, "+5C"));
	text_init(&out, again, sizeof again);
	text_put_xdecoded(&out, slice_of(encoded));
	assert_int_equal(out.n, sizeof plain);
	assert_memory_equal(again, plain, sizeof plain);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_compare),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_printable),
		cmocka_unit_test(test_printable_utf8),
		cmocka_unit_test(test_printable_cut),
		cmocka_unit_test(test_xtext),
		cmocka_unit_test(test_xtext_both_ways),
	};

	return unit_main(tests);
}
