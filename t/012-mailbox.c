/* Envelope addresses: RFC 5321 section 4.1.2, RFC 6531. */
#include <stdio.h>
#include <string.h>

#include "policy/facts/mailbox.h"
#include "t/unit.h"

static void
test_table(void **state)
{
	static const struct {
		const char *address, *local, *user, *domain;
	} rows[] = {
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
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_null_sender),
		cmocka_unit_test(test_long),
	};

	return unit_main(tests);
}
