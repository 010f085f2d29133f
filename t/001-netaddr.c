/* Addresses and prefixes in every spelling. */
#include <string.h>

#include "policy/base/netaddr.h"
#include "t/unit.h"

static const char *
printed(const char *text)
{
	static char buf[NETADDR_TEXT_MAX];
	struct netaddr addr;
	struct text out;

	text_init(&out, buf, sizeof buf);
	if (netaddr_parse(slice_of(text), &addr))
		netaddr_print(&addr, &out);
	else
		text_puts(&out, "no");
	return buf;
}

static void
test_addresses(void **state)
{
	static const char *const rows[][2] = {
		{ "192.0.2.1", "192.0.2.1" }, { "0.0.0.0", "0.0.0.0" },
		{ "255.255.255.255", "255.255.255.255" },
		{ "192.0.2.256", "no" }, { "192.0.2", "no" },
		{ "192.0.2.01", "no" }, { "192.0.2.1 ", "no" },
		{ "192.0.2.1.", "no" }, { "", "no" }, { "1", "no" },
		{ "2001:db8::1", "2001:db8::1" },
		{ "2001:DB8:0:0:0:0:0:1", "2001:db8::1" },
		{ "IPv6:2001:db8::1", "2001:db8::1" },
		{ "ipv6:2001:0db8::0001", "2001:db8::1" },
		{ "IPv6:0:0:0:0:0:0:0:1", "::1" }, { "::", "::" },
		{ "IPv6:", "no" }, { "IPv6:192.0.2.1", "no" },
		{ "::ffff:192.0.2.1", "192.0.2.1" },
		{ "IPv6:::ffff:192.0.2.1", "192.0.2.1" },
		{ "::FFFF:c000:0201", "192.0.2.1" },
		{ "0000:0000:0000:0000:0000:ffff:192.168.100.200",
		    "192.168.100.200" },
		{ "::192.0.2.1", "::192.0.2.1" },
		{ "2001:db8:::1", "no" }, { "2001:db8::1::2", "no" },
		{ "1:2:3:4:5:6:7:8:9", "no" }, { "fe80::1%lo", "no" },
		{ "[2001:db8::1]", "no" }, { "2001:db8::1/128", "no" }
	};

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(rows); i++)
		unit_same(rows[i][0], rows[i][1], printed(rows[i][0]));
	unit_end();
}

static void
test_no_nul(void **state)
{
	struct netaddr addr;

	(void)state;
	assert_false(netaddr_parse(slice_make("192.0.2.1\0x", 11), &addr));
}

static const char *
prefix_printed(const char *text)
{
	static char buf[NETADDR_TEXT_MAX + 16];
	struct netprefix prefix;
	struct text out;

	text_init(&out, buf, sizeof buf);
	switch (netprefix_parse(slice_of(text), &prefix)) {
	case NETPREFIX_OK:
		netprefix_print(&prefix, &out);
		break;
	case NETPREFIX_NONE:
		text_puts(&out, "no");
		break;
	case NETPREFIX_BITS:
		text_puts(&out, "bad length");
		break;
	case NETPREFIX_HOSTBITS:
		text_puts(&out, "not ");
		netprefix_print(&prefix, &out);
		break;
	}
	return buf;
}

static void
test_prefixes(void **state)
{
	static const char *const rows[][2] = {
		{ "192.0.2.0/24", "192.0.2.0/24" },
		{ "192.0.2.1/32", "192.0.2.1" }, { "0.0.0.0/0", "0.0.0.0/0" },
		{ "192.0.2.1/24", "not 192.0.2.0/24" },
		{ "192.0.2.1/0", "not 0.0.0.0/0" },
		{ "192.0.2.128/25", "192.0.2.128/25" },
		{ "192.0.2.64/25", "not 192.0.2.0/25" },
		{ "192.0.2.0/33", "bad length" }, { "192.0.2.0/", "bad length" },
		{ "192.0.2.0/-1", "bad length" }, { "192.0.2.0/x", "bad length" },
		{ "192.0.2.0/24/24", "bad length" }, { "192.0.2/24", "no" },
		{ "host/24", "no" }, { "/24", "no" },
		{ "192", "192.0.0.0/8" }, { "192.0", "192.0.0.0/16" },
		{ "192.0.2", "192.0.2.0/24" }, { "192.0.2.", "no" },
		{ "192..2", "no" }, { ".192", "no" }, { "256", "no" },
		{ "1.2.3.4.5", "no" }, { "192.0.x", "no" }, { "0192", "no" },
		{ "2001:db8::/32", "2001:db8::/32" },
		{ "IPv6:2001:db8::/32", "2001:db8::/32" },
		{ "2001:db8::1/32", "not 2001:db8::/32" },
		{ "2001:db8::/129", "bad length" }, { "::/0", "::/0" },
		{ "2001:db8::1/128", "2001:db8::1" },
		{ "::ffff:192.0.2.0/120", "192.0.2.0/24" },
		{ "::ffff:0:0/96", "0.0.0.0/0" },
		{ "::ffff:192.0.2.1/128", "192.0.2.1" },
		{ "::ffff:0:0/95", "bad length" },
		{ "::ffff:192.0.2.1/120", "not 192.0.2.0/24" },
		{ "IPv6", "::/0" }, { "ipv6", "::/0" },
		{ "IPv6:2001", "2001::/16" }, { "IPv6:2001:db8", "2001:db8::/32" },
		{ "2001:db8", "2001:db8::/32" }, { "2001", "no" },
		{ "IPv6:2001:db8:0:0:0:0:0", "2001:db8::/112" },
		{ "IPv6:12345", "no" }, { "IPv6:x", "no" }, { "IPv6:", "no" },
		{ "2001:db8:", "no" }, { "", "no" }, { "mail.example.com", "no" }
	};

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(rows); i++)
		unit_same(rows[i][0], rows[i][1], prefix_printed(rows[i][0]));
	unit_end();
}

static void
test_covers(void **state)
{
	static const struct {
		const char *prefix, *addr;
		bool want;
	} rows[] = {
		{ "192.0.2.0/24", "192.0.2.255", true },
		{ "192.0.2.0/24", "192.0.3.0", false },
		{ "192.0.2.1", "192.0.2.1", true },
		{ "192.0.2.1", "192.0.2.0", false },
		{ "0.0.0.0/0", "203.0.113.9", true },
		{ "0.0.0.0/0", "2001:db8::1", false },
		{ "::/0", "2001:db8::1", true }, { "::/0", "192.0.2.1", false },
		{ "::/0", "::ffff:192.0.2.1", false },
		{ "192.0.2.0/24", "::ffff:192.0.2.7", true },
		{ "2001:db8::/33", "2001:db8:7fff::", true },
		{ "2001:db8::/33", "2001:db8:8000::", false },
		{ "2001:db8::1", "2001:db8::1", true }
	};

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		struct netprefix prefix;
		struct netaddr addr;

		assert_int_equal(netprefix_parse(slice_of(rows[i].prefix),
		    &prefix), NETPREFIX_OK);
		assert_true(netaddr_parse(slice_of(rows[i].addr), &addr));
		unit_number(rows[i].addr, rows[i].want,
		    netprefix_covers(&prefix, &addr));
	}
	unit_end();
}

/* Masking keeps exactly the bits that are common with the original. */
static void
test_mask(void **state)
{
	struct netaddr ones;

	(void)state;
	assert_true(netaddr_parse(slice_of(
	    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), &ones));
	for (unsigned bits = 0; bits <= 128; bits++) {
		struct netaddr masked = ones;

		netaddr_mask(&masked, bits);
		unit_number("common bits", bits,
		    netaddr_common_bits(&ones, &masked));
	}
	unit_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_no_nul),
		cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_covers),
		cmocka_unit_test(test_mask),
	};

	return unit_main(tests);
}
