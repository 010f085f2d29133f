/* Envelope addresses: RFC 5321 section 4.1.2, RFC 6531. */
#include <stdio.h>
#include <string.h>

#include "policy/facts/mailbox.h"
#include "t/unit.h"

struct row {
	const char *address, *local, *user, *domain;
};

static void
look_at(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct mailbox m;

		mailbox_parse(slice_of(rows[i].address), &m);
		unit_slice(rows[i].address, rows[i].local, m.local);
		unit_slice(rows[i].address, rows[i].user, m.user);
		unit_slice(rows[i].address, rows[i].domain, m.domain);
		unit_number(rows[i].address, false, m.null_sender);
	}
	unit_end();
}

static void
test_beyond_ascii(void **state)
{
	static const struct row rows[] = {
		{ "J\xc3\x9cRGEN+\xc3\x84\xff@c", "j\xc3\xbcrgen+\xc3\x84\xff",
		    "j\xc3\xbcrgen", "c" },
		{ "JU\xcc\x88RGEN+A\xcc\x88@c", "j\xc3\xbcrgen+\xc3\xa4",
		    "j\xc3\xbcrgen", "c" },
		{ "J\xc3\x9cR\xff@c", "j\xc3\x9cr\xff", "j\xc3\x9cr\xff", "c" },
		{ "\"J\xc3\\\x9c\"R@c", "j\xc3\xbcr", "j\xc3\xbcr", "c" },
		{ "BO\xc5\xbf\xc5\xbf@c", "boss", "boss", "c" },
		{ "\xe2\x84\xaaim+\xe2\x84\xaa@c", "kim+k", "kim", "c" },
		{ "wei\xc3\x9f@c", "weiss", "weiss", "c" },
		{ "WEI\xe1\xba\x9e@c", "weiss", "weiss", "c" },
		{ "\xce\xa3\xce\xb1\xcf\x82@c", "\xcf\x83\xce\xb1\xcf\x83",
		    "\xcf\x83\xce\xb1\xcf\x83", "c" },
		/* U+0345 stands behind other marks only when decomposed. */
		{ "\xce\xb1\xcd\x85\xcc\x81@c", "\xce\xac\xce\xb9",
		    "\xce\xac\xce\xb9", "c" },
		{ "\xef\xbd\x82oss@c", "\xef\xbd\x82oss", "\xef\xbd\x82oss",
		    "c" },
		{ "\xef\xbc\x8b+@c", "\xef\xbc\x8b+", "\xef\xbc\x8b", "c" }
	};

	(void)state;
	look_at(rows, UNIT_COUNT(rows));
}

static void
test_table(void **state)
{
	static const struct row rows[] = {
		{ "user@example.com", "user", "user", "example.com" },
		{ "<user@example.com>", "user", "user", "example.com" },
		{ " <user@example.com> ", "user", "user", "example.com" },
		{ "User@Example.COM.", "user", "user", "example.com" },
		{ "user+tag@example.com", "user+tag", "user", "example.com" },
		{ "user+a+b@example.com", "user+a+b", "user", "example.com" },
		{ "+tag@example.com", "+tag", "", "example.com" },
		{ "user", "user", "user", "" }, { "user@", "user", "user", "" },
		{ "@example.com", "", "", "example.com" },
		{ "\"user\"@example.com", "user", "user", "example.com" },
		{ "\"john doe\"@example.com", "john doe", "john doe",
		    "example.com" },
		{ "\"a@b\"@example.com", "a@b", "a@b", "example.com" },
		{ "\"a\\\"b\"@example.com", "a\"b", "a\"b", "example.com" },
		{ "\"a\\\\\"@example.com", "a\\", "a\\", "example.com" },
		{ "\"us\"er@example.com", "user", "user", "example.com" },
		{ "a\\@b@example.com", "a@b", "a@b", "example.com" },
		{ "a@b@example.com", "a@b", "a@b", "example.com" },
		{ "@a.example,@b.example:user@example.com", "user", "user",
		    "example.com" },
		{ "<@a.example:user@example.com>", "user", "user",
		    "example.com" },
		{ "user@[192.0.2.1]", "user", "user", "[192.0.2.1]" },
		{ "user@[IPv6:2001:DB8:0:0::1]", "user", "user",
		    "[2001:db8::1]" },
		{ "user@[IPv6:::ffff:192.0.2.1]", "user", "user",
		    "[192.0.2.1]" },
		{ "user@[junk]", "user", "user", "[junk]" },
		{ "user@m\xc3\xbcnchen.example", "user", "user",
		    "xn--mnchen-3ya.example" },
		{ "J\xc3\xbcrgen@example.com", "j\xc3\xbcrgen",
		    "j\xc3\xbcrgen", "example.com" },
		{ "user@bad\xff.example.com", "user", "user",
		    "bad\xff.example.com" },
		{ "a!b%c@example.com", "a!b%c", "a!b%c", "example.com" },
		{ "\"unclosed@example.com", "unclosed@example.com",
		    "unclosed@example.com", "" },
		{ "\\", "\\", "\\", "" }
	};

	(void)state;
	look_at(rows, UNIT_COUNT(rows));
}

static void
test_null_sender(void **state)
{
	static const char *const rows[] = { "<>", "", " ", "< >", "<@a:>" };

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		struct mailbox m;

		mailbox_parse(slice_of(rows[i]), &m);
		unit_number(rows[i], true, m.null_sender);
		unit_number(rows[i], 0, (long)(m.local.n + m.domain.n));
	}
	unit_end();
}

static void
test_long(void **state)
{
	char address[3 * MAILBOX_LOCAL_MAX];
	struct mailbox m;

	(void)state;
	snprintf(address, sizeof address, "%0*d@example.com",
	    MAILBOX_LOCAL_MAX - 1, 7);
	mailbox_parse(slice_of(address), &m);
	assert_false(m.local_cut);
	snprintf(address, sizeof address, "%0*d@example.com",
	    MAILBOX_LOCAL_MAX, 7);
	mailbox_parse(slice_of(address), &m);
	assert_true(m.local_cut);
	unit_slice("domain", "example.com", m.domain);
	unit_end();
}

/*
 * A local part longer than MAILBOX_TYPED_MAX may be short enough once folded.
 */
static void
test_folded_length(void **state)
{
	char address[2 * MAILBOX_TYPED_MAX];
	struct mailbox m;
	size_t n = 0;

	(void)state;
	for (int i = 0; i < 400; i++)
		n += (size_t)sprintf(address + n, "\xe2\x84\xaa"); /* kelvin */
	strcpy(address + n, "@c");
	mailbox_parse(slice_of(address), &m);
	unit_number("local", 400, (long)m.local.n);
	unit_number("cut", false, m.local_cut || m.unread);
	n = (size_t)sprintf(address, "\xe2\x84\xaa+");
	memset(address + n, 'x', MAILBOX_TYPED_MAX - n);
	strcpy(address + MAILBOX_TYPED_MAX, "@c");
	mailbox_parse(slice_of(address), &m);
	unit_slice("user", "k", m.user);
	unit_number("cut", true, m.local_cut && !m.user_cut && !m.unread);
	strcpy(address + MAILBOX_TYPED_MAX, "x@c");
	mailbox_parse(slice_of(address), &m);
	unit_number("unread", true, m.unread);
	unit_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_beyond_ascii),
		cmocka_unit_test(test_null_sender),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_folded_length),
	};

	return unit_main(tests);
}
