/* Keys: parsed, printed, and the column of what is wrong. */
#include <stdio.h>
#include <string.h>

#include "policy/rules/key.h"
#include "t/unit.h"

/* The dot of other scripts (UTS 46, section 2.3). */
#define FULL_STOP "\xe3\x80\x82"
/* Thirteen letters, 26 bytes of UTF-8. */
#define CYRILLIC \
	"\xd0\xb0\xd0\xb1\xd0\xb2\xd0\xb3\xd0\xb4\xd0\xb5\xd0" \
	"\xb6\xd0\xb7\xd0\xb8\xd0\xba\xd0\xbb\xd0\xbc\xd0\xbd"
#define LONG_LABEL "xn--80aaacbbdcceddfeegffhggihhjii2bjjlkkmllnmm"

static const char *
printed(const char *key_text)
{
	static char buf[2048];
	struct fault fault;
	struct text out;
	struct key key;

	text_init(&out, buf, sizeof buf);
	if (key_parse(slice_of(key_text), &key, &fault))
		key_print(&key, &out);
	else
		text_printf(&out, "%lu: %s", fault.column, fault.text);
	return buf;
}

static void
test_keys(void **state)
{
	static const char *const rows[][2] = {
		{ "TLS_Clt:", "TLS_Clt:" },
		{ "tls_clt:Mail.Example.COM", "TLS_Clt:mail.example.com" },
		{ "TLS_Clt:example.com.", "TLS_Clt:example.com" },
		{ "TLS_Clt:.Example.com", "TLS_Clt:.example.com" },
		{ "TLS_Clt:m\xc3\xbcnchen.example",
		    "TLS_Clt:xn--mnchen-3ya.example" },
		{ "TLS_Clt:192.0.2.1", "TLS_Clt:192.0.2.1" },
		{ "TLS_Clt:192.0.2", "TLS_Clt:192.0.2.0/24" },
		{ "TLS_Clt:192.0.2.0/24", "TLS_Clt:192.0.2.0/24" },
		{ "TLS_Clt:IPv6:2001:DB8::1", "TLS_Clt:2001:db8::1" },
		{ "TLS_Clt:2001:db8::/32", "TLS_Clt:2001:db8::/32" },
		{ "TLS_Clt:IPv6", "TLS_Clt:::/0" },
		{ "TLS_Clt:::ffff:192.0.2.1", "TLS_Clt:192.0.2.1" },
		{ "TLS_Clt:[192.0.2.1]", "TLS_Clt:[192.0.2.1]" },
		{ "TLS_Clt:[192.0]", "TLS_Clt:[192.0.0.0/16]" },
		{ "TLS_From:User+Tag@Example.com",
		    "TLS_From:user+tag@example.com" },
		{ "TLS_From:\"user\"@example.com", "TLS_From:user@example.com" },
		{ "TLS_From:user@[IPv6:2001:DB8::1]",
		    "TLS_From:user@[2001:db8::1]" },
		{ "TLS_From:user+*@example.com", "TLS_From:user+*@example.com" },
		/* In quotes + and two hex digits are a byte, else a detail. */
		{ "TLS_From:\"john+20doe\"@x", "TLS_From:\"john+20doe\"@x" },
		{ "TLS_From:\"john+64oe\"@x", "TLS_From:johndoe@x" },
		{ "TLS_From:john+20doe@x", "TLS_From:john+20doe@x" },
		{ "TLS_From:\"a+2B20\"@x", "TLS_From:a+20@x" },
		{ "TLS_From:\"a+22b+5C+40\"@x",
		    "TLS_From:\"a+22b+5C@\"@x" },
		{ "TLS_From:\"j+20d+*\"@x", "TLS_From:\"j+20d+2B*\"@x" },
		{ "TLS_From:j\xc3\xbcrgen@x", "TLS_From:\"j+C3+BCrgen\"@x" },
		{ "TLS_Auth:\"john+20doe\"", "TLS_Auth:\"john+20doe\"" },
		{ "TLS_Auth:john+20doe", "TLS_Auth:john+20doe" },
		{ "TLS_Auth:\"*\"", "TLS_Auth:\"*\"" },
		{ "TLS_From:\"+2A\"@x", "TLS_From:\"*\"@x" },
		{ "TLS_Daemon:\"a+C3+BC\"", "TLS_Daemon:\"a+C3+BC\"" },
		{ "TLS_From:user@", "TLS_From:user@" },
		{ "TLS_From:<>", "TLS_From:<>" },
		{ "TLS_From:192.0.2.1", "TLS_From:192.0.2.1" },
		{ "TLS_To:[192.0.2.1]", "TLS_To:[192.0.2.1]" },
		{ "TLS_Auth:Jane@Example", "TLS_Auth:jane@example" },
		{ "TLS_Auth:", "TLS_Auth:" },
		{ "TLS_Daemon:MTA-v4", "TLS_Daemon:mta-v4" },
		{ "TLS_Daemon:587", "TLS_Daemon:587" },
		{ "Try_TLS:example.com", "Try_TLS:example.com" },
		{ "MyCA:/C=DE/O=My+20CA/CN=Root", "myca:/c=de/o=my+20ca/cn=root" },
		{ "MyCA:", "myca:" }
	};

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(rows); i++)
		unit_same(rows[i][0], rows[i][1], printed(rows[i][0]));
	unit_end();
}

/* A printed key parses, and to the same key. */
static void
test_odd_keys(void **state)
{
	static const char *const rows[][2] = {
		{ "TLS_From:\"a\\b\"@x", "TLS_From:ab@x" },
		{ "TLS_From:\"a+2\"@x", "TLS_From:a+2@x" },
		{ "TLS_From:\"a+2g\"@x", "TLS_From:a+2g@x" },
		{ "TLS_From:\"a+\"@x", "TLS_From:a+@x" },
		{ "TLS_From:\"\\+20\"@x", "TLS_From:+20@x" },
		{ "TLS_From:a\\ b@x", "TLS_From:\"a+20b\"@x" },
		{ "TLS_From:.example.com", "TLS_From:.example.com" },
		{ "TLS_Clt:.b\xc3\xbc" "cher" FULL_STOP "example" FULL_STOP,
		    "TLS_Clt:.xn--bcher-kva.example" },
		/*
		 * A key that can match nothing: stores of older versions may
		 * have it, and show prints it.
		 */
		{ "TLS_Clt:a." FULL_STOP "com", "TLS_Clt:a..com" },
		/* Longer than 63 bytes only in UTF-8. */
		{ "TLS_Clt:" CYRILLIC CYRILLIC CYRILLIC ".example",
		    "TLS_Clt:" LONG_LABEL ".example" },
		{ "TLS_Auth:\"", "TLS_Auth:\"+22\"" },
		{ "TLS_Auth:\"a", "TLS_Auth:\"+22a\"" },
		{ "TLS_Auth:a\"", "TLS_Auth:\"a+22\"" },
		{ "TLS_Daemon:0", "TLS_Daemon:0" },
		{ "TLS_Daemon:0a", "TLS_Daemon:0a" },
		{ "TLS_Daemon:00", "TLS_Daemon:\"00\"" },
		{ "TLS_Daemon:65536", "TLS_Daemon:\"65536\"" },
		{ "TLS_Daemon:/run/x", "TLS_Daemon:\"/run/x\"" },
		{ "Profile:001122", "Profile:001122" }
	};

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		unit_same(rows[i][0], rows[i][1], printed(rows[i][0]));
		unit_same(rows[i][1], rows[i][1], printed(rows[i][1]));
	}
	unit_end();
}

static void
test_bad_keys(void **state)
{
	static const char *const rows[][2] = {
		{ "example.com", "1: \"example.com\" has no tag; expected "
		    "TLS_Clt:, TLS_From: or another one" },
		{ "TLS Clt:x", "1: \"TLS Clt\" is not a tag; expected letters, "
		    "digits, - and _ before the colon" },
		{ ":x", "1: \"\" is not a tag; expected letters, digits, - "
		    "and _ before the colon" },
		{ "TLS_Clt:192.0.2.1/24", "9: \"192.0.2.1/24\" has bits set "
		    "behind its prefix; expected 192.0.2.0/24" },
		{ "TLS_Clt:192.0.2.0/33", "9: \"192.0.2.0/33\" has no valid "
		    "prefix length; expected /0 to /32 or, for IPv6, /128" },
		{ "TLS_Clt:[192.0.2.1/24]", "9: \"192.0.2.1/24\" has bits set "
		    "behind its prefix; expected 192.0.2.0/24" },
		{ "TLS_Clt:192.0.2/24", "9: \"192.0.2/24\" is neither a host "
		    "name nor a network; expected NAME, ADDRESS or "
		    "ADDRESS/LENGTH" },
		{ "TLS_Clt:bad\xff.example", "9: \"bad\xff.example\" is not a "
		    "domain name that can be converted to A-labels; expected "
		    "UTF-8 (IDNA 2008) or ASCII" },
		{ "TLS_From:a@bad\xff.example", "10: \"bad\xff.example\" is "
		    "not a domain name that can be converted to A-labels; "
		    "expected UTF-8 (IDNA 2008) or ASCII" }
	};

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(rows); i++)
		unit_same(rows[i][0], rows[i][1], printed(rows[i][0]));
	unit_end();
}

static void
test_long_keys(void **state)
{
	static const char *const tags[] = { "TLS_Clt:", "TLS_From:",
		"TLS_From:a@", "TLS_Auth:", "TLS_Daemon:", "MyCA:",
		"TLS_Auth:\"", "TLS_From:x.example@" };
	char text[1200];

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(tags); i++)
		for (int n = 1; n < 1000; n += 1 + n / 20) {
			struct fault fault = { FAULT_NONE, "", 0, 0, "" };
			struct key key;

			snprintf(text, sizeof text, "%s%.*s", tags[i], n,
			    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
			memset(text + strlen(tags[i]), 'a', (size_t)n);
			text[strlen(tags[i]) + (size_t)n] = '\0';
			if (key_parse(slice_of(text), &key, &fault))
				assert_true(key.n <= 511 && n <= KEY_TEXT_MAX);
			else
				assert_true(fault.kind == FAULT_DATA &&
				    n > KEY_TEXT_MAX - 8 && fault.column > 1);
		}
}

/* Keys whose text is short enough and whose A-labels are too long. */
static void
test_grown_keys(void **state)
{
	static const char *const start[] = { "TLS_From:a@", "TLS_Clt:" };
	char name[700], text[1200], tag[600];
	struct fault fault;
	struct key key;

	(void)state;
	/* Each label of five bytes has an A-label of some ten. */
	for (size_t n = 0; n + 6 < 480; n += 6)
		memcpy(name + n, "\xc3\xbcx\xc3\xbc.", 7);
	for (size_t i = 0; i < 2; i++) {
		snprintf(text, sizeof text, "%s%s", start[i], name);
		assert_false(key_parse(slice_of(text), &key, &fault));
		unit_number(start[i], FAULT_DATA, fault.kind);
	}
	/* A tag of a CA and a DN that fit together or do not, to the byte. */
	memset(tag, 'a', sizeof tag);
	for (int n = KEY_TEXT_MAX - 8; n < KEY_TEXT_MAX + 8; n++) {
		snprintf(text, sizeof text, "%.*s:/CN=x", n, tag);
		unit_number("tag and DN", n + 6 <= KEY_TEXT_MAX,
		    key_parse(slice_of(text), &key, &fault));
		assert_true(key.n <= 511);
	}
	unit_end();
}

static void
test_untagged(void **state)
{
	static const struct {
		const char *text;
		bool want;
	} rows[] = {
		{ "mail.example.com", true }, { "192.0.2.1", true },
		{ "192.0.2.0/24", true }, { "2001:db8::1", true },
		{ "IPv6:2001:db8", true }, { "::1", true },
		{ "[IPv6:2001:db8::1]", true }, { "2001:db8::/32", true },
		{ "TLS_Clt:x", false }, { "MyCA:/C=DE", false }
	};

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(rows); i++)
		unit_number(rows[i].text, rows[i].want,
		    key_is_untagged(slice_of(rows[i].text)));
	unit_end();
}

/* A printed key parses to the same bytes. */
static void
test_round_trip(void **state)
{
	static const char *const rows[] = { "TLS_Clt:", "TLS_Clt:.example.com",
		"TLS_Clt:m\xc3\xbcnchen.example", "TLS_Clt:192.0",
		"TLS_Clt:IPv6:2001:db8", "TLS_Clt:[IPv6:2001:db8::1]",
		"TLS_From:\"a b\"@x.example", "TLS_From:<>", "TLS_To:user+*@",
		"TLS_To:user@[192.0.2.1]", "TLS_Auth:x", "TLS_Daemon:25",
		"Try_TLS:.x", "TLS_Srv:0.0.0.0/0",
		"TLS_From:\"john+20doe\"@x", "TLS_From:\"a+22+5c+40+09\"@x",
		"TLS_From:\"a+20b+*\"@", "TLS_From:\"+20\"@x",
		"TLS_To:\"+2B20\"@x", "TLS_To:a+20@x", "TLS_To:\"+ff\"@x",
		"TLS_Auth:\"a+20b\"", "TLS_Auth:\"+22a+22\"",
		"TLS_Auth:\"a", "TLS_Daemon:\"+2B20\"",
		"MyCA:/O=a+20b/CN=+C3+BC+2B20" };

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		struct fault fault;
		struct key a, b;
		char buf[1024];
		struct text out;

		assert_true(key_parse(slice_of(rows[i]), &a, &fault));
		text_init(&out, buf, sizeof buf);
		key_print(&a, &out);
		if (!key_parse(slice_of(buf), &b, &fault))
			fail_msg("%s: %s: %s", rows[i], buf, fault.text);
		unit_number(rows[i], (long)a.n, (long)b.n);
		if (a.n == b.n)
			assert_memory_equal(a.bytes, b.bytes, a.n);
	}
	unit_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_odd_keys),
		cmocka_unit_test(test_bad_keys),
		cmocka_unit_test(test_long_keys),
		cmocka_unit_test(test_grown_keys),
		cmocka_unit_test(test_untagged),
		cmocka_unit_test(test_round_trip),
	};

	return unit_main(tests);
}
