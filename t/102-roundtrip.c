/*
 * Generated rules: what is printed parses to the same rule; and rules with
 * one byte changed are refused or printed so that they parse again.
 */
#include <stdio.h>
#include <string.h>

#include "policy/rules/item.h"
#include "policy/rules/key.h"
#include "policy/rules/never.h"
#include "t/unit.h"

static const char *
any(uint64_t *seed, const char *const *words, size_t n)
{
	return words[unit_random(seed) % n];
}

/* A name's spelling: letters, +XX, single pluses, colons, stars. */
static void
put_name(uint64_t *seed, struct text *out)
{
	static const char *const parts[] = { "a", "Z", "9", ".", "+20", "+2b", "+2B+2B",
		"+", ":", "*", "/", "=", "-", "\xc3\xbc", "mail", "PFS" };
	unsigned n = 1 + unit_random(seed) % 8;

	text_char(out, 'x');
	while (n-- > 0) {
		const char *part = any(seed, parts, UNIT_COUNT(parts));

		/* "++" would end the item. */
		if (out->buf[out->n - 1] != '+' || part[0] != '+')
			text_puts(out, part);
	}
	text_char(out, 'y');
}

static void
put_item(uint64_t *seed, struct text *out)
{
	static const char *const plain[] = { "CN", "PFS", "aead", "VER:1.0",
		"ver:1.3", "CITag:My-CA_1", "CIPHER:HIGH:!aNULL",
		"CIPHER:ECDHE+AESGCM",
		"FP:00112233445566778899AABBCCDDEEFF" };
	static const char *const named[] = { "CN:", "cs:", "CI:", "Icn:",
		"BY:", "CN:*." };

	if (unit_random(seed) % 2 == 0) {
		text_puts(out, any(seed, plain, UNIT_COUNT(plain)));
		return;
	}
	text_puts(out, any(seed, named, UNIT_COUNT(named)));
	put_name(seed, out);
}

static void
make_rule(uint64_t *seed, struct text *out)
{
	static const char *const classes[] = { "", "PERM+", "temp+", "WARN+",
		"Hold+" };
	static const char *const needs[] = { "VERIFY", "verify:112", "ENCR:0",
		"ENCR:65535" };
	static const char *const ends[] = { "", "", "FROM:2026-01-31",
		"until:2099-12-31", "FROM:1999-12-31++UNTIL:2000-02-29",
		"MSG:see http://x.example/?a=b++c d" };
	unsigned items = unit_random(seed) % 5;
	const char *end, *between = "+";

	text_clear(out);
	text_puts(out, any(seed, classes, UNIT_COUNT(classes)));
	text_puts(out, any(seed, needs, UNIT_COUNT(needs)));
	for (; items > 0; items--, between = "++") {
		text_puts(out, between);
		put_item(seed, out);
	}
	end = any(seed, ends, UNIT_COUNT(ends));
	if (end[0] != '\0')
		text_printf(out, "%s%s", between, end);
}

static void
same_rule(const char *rule, const struct requirement *a,
    const struct requirement *b)
{
	unit_number(rule, a->class, b->class);
	unit_number(rule, a->need, b->need);
	unit_number(rule, a->has_bits, b->has_bits);
	unit_number(rule, a->bits, b->bits);
	unit_number(rule, a->from, b->from);
	unit_number(rule, a->until, b->until);
	unit_number(rule, true, slice_equal(a->by, b->by));
	unit_number(rule, true, slice_equal(a->msg, b->msg));
	unit_number(rule, a->nitems, b->nitems);
	for (unsigned i = 0; i < a->nitems && i < b->nitems; i++) {
		unit_number(rule, true, a->items[i].row == b->items[i].row);
		unit_number(rule, true, slice_equal(a->items[i].value,
		    b->items[i].value));
	}
}

static void
check_again(const char *rule, const struct requirement *r)
{
	struct requirement again;
	struct fault fault;
	char buf[2048];
	struct text out;

	text_init(&out, buf, sizeof buf);
	requirement_print(r, &out);
	if (requirement_parse(slice_make(buf, out.n), TAG_CLT, &again,
	    &fault))
		same_rule(rule, r, &again);
	else
		unit_same(rule, buf, fault.text);
}

static void
test_generated(void **state)
{
	uint64_t seed = 20260301;
	char buf[1024];
	struct text rule;

	(void)state;
	text_init(&rule, buf, sizeof buf);
	for (int i = 0; i < 20000; i++) {
		struct requirement r;
		struct fault fault;

		make_rule(&seed, &rule);
		if (requirement_parse(slice_make(buf, rule.n), TAG_CLT, &r,
		    &fault))
			check_again(buf, &r);
		else
			unit_same(buf, "", fault.text);
	}
	unit_end();
}

static void
test_changed(void **state)
{
	uint64_t seed = 4711;
	char buf[1024];
	struct text rule;
	int good = 0;

	(void)state;
	text_init(&rule, buf, sizeof buf);
	for (int i = 0; i < 100000; i++) {
		struct requirement r;
		struct fault fault = { FAULT_NONE, "", 0, 0, "" };

		make_rule(&seed, &rule);
		buf[unit_random(&seed) % rule.n] =
		    "+:.0A \t\xff"[unit_random(&seed) % 8];
		if (requirement_parse(slice_make(buf, rule.n), TAG_CLT, &r,
		    &fault)) {
			check_again(buf, &r);
			good++;
			continue;
		}
		assert_int_equal(fault.kind, FAULT_DATA);
		assert_in_range(fault.column, 1, rule.n + 1);
		assert_non_null(strstr(fault.text, "; expected "));
	}
	assert_in_range(good, 10000, 90000);
	unit_end();
}

/* `out`: `tag` and random bytes in quotes, all of them escaped. */
static void
put_quoted(uint64_t *seed, const char *tag, struct text *out)
{
	static const char often[] = "a+*@\" \\<>.,:20";
	unsigned n = 1 + unit_random(seed) % 8;

	text_clear(out);
	text_printf(out, "%s\"", tag);
	while (n-- > 0) {
		unsigned c = unit_random(seed) % 2 == 0 ?
		    1 + unit_random(seed) % 255 :
		    (unsigned char)often[unit_random(seed) %
		    (sizeof often - 1)];

		text_printf(out, "+%02X", c);
	}
	text_char(out, '"');
}

/* Whatever stands in a key, it is printed so that it is the same, and good. */
static void
test_keys(void **state)
{
	static const char *const rows[][2] = { { "TLS_From:", "@a.example" },
		{ "TLS_To:", "@" }, { "TLS_Rcpt:", "@[192.0.2.1]" },
		{ "TLS_Auth:", "" }, { "TLS_Daemon:", "" } };
	uint64_t seed = 42;

	(void)state;
	for (int i = 0; i < 50000; i++) {
		const char *const *row = rows[i % (int)UNIT_COUNT(rows)];
		char text_buf[256], printed_buf[512];
		struct text text, printed;
		struct key key, again;
		struct fault fault;
		struct never never;
		struct slice what;

		text_init(&text, text_buf, sizeof text_buf);
		text_init(&printed, printed_buf, sizeof printed_buf);
		put_quoted(&seed, row[0], &text);
		text_puts(&text, row[1]);
		assert_true(key_parse(slice_make(text.buf, text.n), &key,
		    &fault));
		key_print(&key, &printed);
		what = slice_from(slice_make(printed.buf, printed.n),
		    strlen(row[0]));
		if (!key_parse(slice_make(printed.buf, printed.n), &again,
		    &fault) || again.n != key.n ||
		    memcmp(again.bytes, key.bytes, key.n) != 0 ||
		    never_key(&never, key.tag, what, false) != NULL)
			unit_same(text.buf, "the same key", printed.buf);
		for (size_t c = 0; c < printed.n; c++)
			assert_in_range(printed.buf[c], '!', '~');
	}
	unit_end();
}

/* Every day of four centuries and the edges. */
static void
test_days(void **state)
{
	static const struct {
		const char *text;
		int32_t day;
	} rows[] = { { "1970-01-01", 0 }, { "1970-12-31", 364 },
		{ "2000-02-29", 11016 }, { "2000-03-01", 11017 },
		{ "2026-12-01", 20788 }, { "2100-02-28", 47540 },
		{ "2100-03-01", 47541 }, { "9999-12-31", 2932896 },
		{ "1969-12-31", -1 }, { "2100-02-29", -1 },
		{ "2026-13-01", -1 }, { "2026-00-01", -1 },
		{ "2026-01-00", -1 }, { "2026-04-31", -1 },
		{ "2026-1-01", -1 }, { "26-01-01", -1 }, { "2026/01/01", -1 },
		{ "2026-01-01 ", -1 }, { "", -1 }, { "2026-01-1x", -1 } };

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		int32_t day = -1;

		day_parse(slice_of(rows[i].text), &day);
		unit_number(rows[i].text, rows[i].day, day);
	}
	for (int32_t day = 0; day < 4 * 36525; day++) {
		char buf[16];
		int32_t again;
		struct text out;

		text_init(&out, buf, sizeof buf);
		day_print(day, &out);
		assert_true(day_parse(slice_make(buf, out.n), &again));
		assert_int_equal(again, day);
	}
	unit_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_generated),
		cmocka_unit_test(test_changed),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_days),
	};

	return unit_main(tests);
}
