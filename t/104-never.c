/*
 * Keys that can never match, each with the row that it falls under, the piece
 * that is wrong, and what to write instead.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "policy/rules/never.h"
#include "t/unit.h"

#define IN_FULL "write names in full, or .example.com for all below example.com"
#define ADDRESS "write an address as 192.0.2.1 or 2001:db8::1, a network as " \
	"192.0.2, 192.0.2.0/24 or 2001:db8::/32"
#define LETTERS "a name has letters, digits, - and _, 1 to 63 of them between " \
	"dots and at most 253 in all"
#define NETWORKS "write networks, as 192.0.2.0/24"
#define USER "write user@example.com, or user@[192.0.2.1] for an address literal"
#define BRACKETS "write [192.0.2.1], [192.0.2] or [IPv6:2001:db8::1]"

static const struct row {
	const char *key, *name, *found, *meant; /* name "": the key can match */
} rows[] = {
	{ "TLS_Auth:,joe", "", "", "" },
	{ "TLS_Clt:192.0.2.1-2001:db8::9", "range", "192.0.2.1-2001:db8::9",
	    NETWORKS },
	{ "TLS_Clt:192.0.2.9-abc", "range", "192.0.2.9-abc", NETWORKS },
	{ "TLS_Clt:192.0.2.1-9.x", "address", "192.0.2.1-9.x", ADDRESS },
	{ "TLS_Clt:192.0.2.1-", "address", "192.0.2.1-", ADDRESS },
	{ "TLS_Clt:192.0.2.1-192.0.2.300", "range", "192.0.2.1-192.0.2.300",
	    NETWORKS },
	{ "TLS_From:@a:user@b", "", "", "" },
	{ "TLS_From:+*@example.com", "", "", "" },
	{ "TLS_From:a*@example.com", "pattern", "a*@example.com",
	    "write TLS_From:example.com for all "
	    "addresses of the domain" },
	{ "TLS_From:user+*x@example.com", "pattern", "user+*x@example.com",
	    "write TLS_From:example.com for all "
	    "addresses of the domain" },
	{ "TLS_Auth:/^joe/", "pattern", "/^joe/",
	    "the tag alone is for all; in double quotes "
	    "it is meant as it stands" },
	{ "TLS_Clt:/ab/", "pattern", "/ab/", IN_FULL },
	{ "TLS_Clt:a[bc]d", "pattern", "a[bc]d", IN_FULL },
	{ "TLS_Clt:host:25", "port", "host:25",
	    "write TLS_Clt:host for all ports, or "
	    "TLS_Daemon: with a listener's port" },
	{ "TLS_Clt:[host]:25", "port", "[host]:25",
	    "write TLS_Clt:host for all ports, or "
	    "TLS_Daemon: with a listener's port" },
	{ "TLS_Clt:[192.0.2.1]:25", "port", "[192.0.2.1]:25",
	    "write TLS_Clt:[192.0.2.1] for all ports, or "
	    "TLS_Daemon: with a listener's port" },
	{ "TLS_Clt:a:b:25", "", "", "" },
	{ "TLS_Clt::25", "address", ":25", ADDRESS },
	{ "TLS_Auth:joe:25", "", "", "" },
	{ "TLS_Daemon:mta:25", "port", "mta:25", "write TLS_Daemon:25" },
	{ "TLS_Daemon:\"mta:25\"", "", "", "" },
	{ "TLS_Clt:host:2x", "name", "host:2x", LETTERS },
	{ "TLS_Clt:host:", "name", "host:", LETTERS },
	{ "TLS_From:a@host:25", "port", "host:25", "write TLS_From:host" },
	{ "TLS_From:@a@b", "nobody", "@a@b",
	    "write TLS_From:a@b for all addresses of the "
	    "domain" },
	{ "TLS_From:a(b@c", "specials", "(",
	    "write the part before the @ in double quotes" },
	{ "TLS_Clt:[host", "brackets", "[host", BRACKETS },
	{ "TLS_Clt:[host.example]", "brackets", "[host.example]",
	    "write TLS_Clt:host.example" },
	{ "TLS_Clt:[..]", "brackets", "[..]", BRACKETS },
	{ "TLS_Clt:192.0.2.", "address", "192.0.2.", "write TLS_Clt:192.0.2" },
	{ "TLS_Clt:192.0.2.1..", "address", "192.0.2.1..",
	    "write TLS_Clt:192.0.2.1" },
	{ "TLS_Clt:...", "name", "...", LETTERS },
	{ "TLS_Clt:300.1.2.3", "address", "300.1.2.3", ADDRESS },
	{ "TLS_Clt:2001:db8:::1", "address", "2001:db8:::1", ADDRESS },
	{ "TLS_From:a@192.0.2.1", "address", "192.0.2.1",
	    "write an address literal as [192.0.2.1] or "
	    "[IPv6:2001:db8::1]" },
	{ "TLS_From:a@.example.com", "mail-domain", ".example.com",
	    "write TLS_From:.example.com for all below "
	    "example.com, TLS_From:example.com also for "
	    "itself" },
	{ "TLS_From:a@.", "mail-domain", ".", USER },
	{ "TLS_From:a@..", "mail-domain", "..", USER },
	{ "TLS_From:a@[x]", "brackets", "[x]", "write TLS_From:x" },
	{ "TLS_From:a@[192.0.2.1", "brackets", "[192.0.2.1", BRACKETS },
	{ "TLS_From:a@ex!ample", "mail-domain", "ex!ample", USER },
	{ "TLS_Clt:*.example.com", "pattern", "*.example.com",
	    "write TLS_Clt:.example.com for all below "
	    "example.com, TLS_Clt:example.com also for "
	    "itself" },
	{ "TLS_Clt:*.", "pattern", "*.", IN_FULL },
	{ "TLS_Clt:*", "pattern", "*", IN_FULL },
	{ "TLS_Clt:192.0.2.*", "pattern", "192.0.2.*",
	    "write TLS_Clt:192.0.2" },
	{ "TLS_Clt:.example..com", "name", ".example..com", LETTERS },
	{ "TLS_Clt:..example.com", "name", "..example.com", LETTERS },
	{ "TLS_Clt:<>", "angles", "<>", "write TLS_Clt:" },
	{ "TLS_Clt:a;b", "list", "a;b", "write a line for each, as TLS_Clt:a" },
	{ "TLS_To:;a@b", "list", ";a@b", "write a line for each" },
	{ "TLS_Auth:@joe", "nobody", "@joe",
	    "a login is compared as a whole, and "
	    "TLS_Auth: is for all of them" },
	{ "TLS_From:@", "nobody", "@", "write TLS_From: for all addresses" },
	{ "TLS_Clt:<example.com>", "angles", "<example.com>",
	    "write TLS_Clt:example.com" },
	{ "TLS_From:<", "name", "<", LETTERS },
	{ "TLS_Clt:fe80::1%eth0", "zone", "fe80::1%eth0",
	    "write TLS_Clt:fe80::1" },
	{ "TLS_Clt:[fe80::1%eth0]", "zone", "[fe80::1%eth0]",
	    "write TLS_Clt:[fe80::1]" },
	{ "TLS_Clt:x%y", "name", "x%y", LETTERS },
	{ "TLS_Clt:\\@b", "mail-address", "\\@b",
	    "addresses of mail belong to TLS_From: and "
	    "TLS_To:" },
	{ "TLS_From:a\\@b", "name", "a\\@b", LETTERS },
	{ "TLS_From:a\\,b@c", "", "", "" },
	{ "TLS_From:a@b.example", "", "", "" },
	{ "TLS_To:a@[192.0.2.1]", "", "", "" },
	{ "TLS_From:a@[192.0.2]", "mail-domain", "[192.0.2]", USER },
	{ "TLS_Clt:a\\", "pattern", "a\\", IN_FULL },
	{ "TLS_From:\"a,b\"@c", "", "", "" },
	{ "TLS_From:a\"@\"b@c", "", "", "" },
	{ "TLS_Clt:[192.0.2", "brackets", "[192.0.2", BRACKETS },
	{ "TLS_Clt:1", "", "", "" },
	{ "TLS_Clt:2001:db8::g", "address", "2001:db8::g", ADDRESS },
	{ "TLS_Clt:[2001:db8::l]", "brackets", "[2001:db8::l]", BRACKETS },
	{ "TLS_Auth:\"*\"", "", "", "" },
	{ "TLS_Auth:joe*", "pattern", "joe*",
	    "the tag alone is for all; in double quotes "
	    "it is meant as it stands" },
	{ "TLS_Clt:*.*.example.com", "pattern", "*.*.example.com",
	    "write TLS_Clt:.example.com for all below "
	    "example.com, TLS_Clt:example.com also for "
	    "itself" },
	{ "TLS_Clt:.*", "pattern", ".*", IN_FULL },
	{ "TLS_From:a@*.example.com", "pattern", "*.example.com",
	    "write TLS_From:.example.com for all below "
	    "example.com, TLS_From:example.com also for "
	    "itself" },
	{ "TLS_Auth:\"@joe\"", "", "", "" },
	{ "TLS_From:@[192.0.2.1]:25", "port", "[192.0.2.1]:25",
	    "write TLS_From:[192.0.2.1]" },
	{ "TLS_Clt:a|b", "list", "a|b", "write a line for each, as TLS_Clt:a" },
	{ "TLS_From:a|b@c.example", "", "", "" },
	{ "TLS_Clt:2001:db8::1-2001:db8::ff", "range", "2001:db8::1-2001:db8::ff",
	    "the smallest network around them is "
	    "TLS_Clt:2001:db8::/120" },
	{ "TLS_Clt:2001:db8::1-192.0.2.1", "range", "2001:db8::1-192.0.2.1",
	    NETWORKS },
	{ "TLS_From:a@192.0.2.1-9", "range", "192.0.2.1-9", NETWORKS },
	{ "TLS_Daemon:", "", "", "" },
	{ "TLS_Clt:_25._tcp.x.example", "", "", "" },
	{ "TLS_Clt:x.example.", "", "", "" },
	{ "TLS_Clt:x..", "name", "x..", LETTERS },
	{ "TLS_To:<>", "recipient", "<>", "write TLS_From:<>" },
	{ "TLS_Header:<>", "recipient", "<>", "write TLS_From:<>" },
	{ "TLS_From:<a@b.example>", "angles", "<a@b.example>",
	    "write TLS_From:a@b.example" },
	{ "TLS_Clt:::1:25", "", "", "" },
	{ "TLS_Clt:[]:25", "port", "[]:25", BRACKETS },
	{ "TLS_Clt:<a@b.example>", "angles", "<a@b.example>",
	    "addresses of mail belong to TLS_From: and TLS_To:" },
	{ "TLS_Clt:<<b.example>>", "angles", "<<b.example>>",
	    "write TLS_Clt:b.example" },
	{ "TLS_From:@*.b.example", "nobody", "@*.b.example",
	    "write TLS_From:.b.example for all below b.example, "
	    "TLS_From:b.example also for itself" },
	{ "TLS_Clt:*@b.example,c", "list", "*@b.example,c",
	    "addresses of mail belong to TLS_From: and TLS_To:" },
	{ "TLS_From:x*@[b", "pattern", "x*@[b", BRACKETS },
};

static const struct never_row *
look(struct never *n, const char *key, bool as_sendmail)
{
	size_t colon = slice_find(slice_of(key), ':');
	enum tag tag = TAG_CLT;

	assert_true(tag_by_name(slice_make(key, colon), &tag));
	return never_key(n, tag, slice_of(key + colon + 1), as_sendmail);
}

static void
test_keys(void **state)
{
	(void)state;
	for (const struct row *r = rows; r < rows + UNIT_COUNT(rows); r++) {
		struct never n;
		const struct never_row *row = look(&n, r->key, false);

		unit_same(r->key, r->name, row == NULL ? "" : row->name);
		if (row == NULL)
			continue;
		unit_slice(r->key, r->found, n.found);
		unit_same(r->key, r->meant, n.meant.buf);
		assert_false(n.meant.cut);
	}
	unit_end();
}

/*
 * With compat = sendmail fewer keys are refused, and no key that is good
 * without it.
 */
static void
test_as_sendmail(void **state)
{
	(void)state;
	for (const struct row *r = rows; r < rows + UNIT_COUNT(rows); r++) {
		struct never n;
		const struct never_row *row = look(&n, r->key, true);

		if (row != NULL)
			unit_number(r->key, true, r->name[0] != '\0' &&
			    !row->sendmail_takes_it);
	}
	unit_end();
}

/* The key that a message proposes is refused by no row. */
static void
test_meant(void **state)
{
	(void)state;
	for (const struct row *r = rows; r < rows + UNIT_COUNT(rows); r++) {
		struct never n;
		char key[128];
		size_t length;

		if (strncmp(r->meant, "write TLS_", 10) != 0)
			continue;
		length = strcspn(r->meant + 6, " ");
		assert_in_range(length, 1, sizeof key - 1);
		memcpy(key, r->meant + 6, length);
		key[length] = '\0';
		unit_same(r->key, key, look(&n, key, false) == NULL ? key :
		    "can never match");
	}
	unit_end();
}

static void
put_around(const char *around, const char *piece, char *key, size_t size)
{
	const char *at = strstr(around, "%s");

	snprintf(key, size, "%.*s%s%s", (int)(at - around), around, piece,
	    at + 2);
}

/* How many rows refuse the key, counted over all tags. */
static unsigned
compare_needs(char a, char b, const char *around)
{
	static const struct {
		enum tag tag;
		unsigned about;
	} tags[] = {
		{ TAG_CLT, NEVER_HOST }, { TAG_FROM, NEVER_MAIL },
		{ TAG_TO, NEVER_MAIL }, { TAG_AUTH, NEVER_LOGIN },
		{ TAG_DAEMON, NEVER_LISTENER }
	};
	const char piece[] = { a, b, '\0' };
	char key[64];
	unsigned hits = 0;

	put_around(around, piece, key, sizeof key);
	for (size_t t = 0; t < UNIT_COUNT(tags); t++)
		for (const struct never_row *row = never_table();
		    row->name != NULL; row++) {
			struct never n;

			/* never_key() fills n, whatever it finds. */
			never_key(&n, tags[t].tag, slice_of(key), false);
			text_init(&n.meant, n.meant_text, sizeof n.meant_text);
			if ((row->about & tags[t].about) == 0 || !row->test(&n))
				continue;
			hits++;
			if (row->needs != 0)
				unit_number(key, true, (row->needs &
				    never_characters(slice_of(key))) != 0);
		}
	return hits;
}

/*
 * A row's `needs` are characters without which it is not tried: every key that
 * the row refuses has them.
 */
static void
test_needs(void **state)
{
	static const char signs[] = "a.1@:\"<>[]-%,;|*?\\^$/{}()+ x";
	static const char *const around[] = { "%s", "a%s", "%sa", "a%sb.example",
		"a@%s", "%s@a.example", "a%s@b.example", "192.0.2.1%s",
		"192.0.2.%s", "[192.0.2.1%s", "2001:db8::%s", "1%s", "\"%s\"",
		"fe80::1%sx", "ff02::1%s", "224%s" };
	unsigned seen = 0;

	(void)state;
	for (size_t i = 0; i < sizeof signs - 1; i++)
		for (size_t j = 0; j < sizeof signs - 1; j++)
			for (size_t k = 0; k < UNIT_COUNT(around); k++)
				seen += compare_needs(signs[i], signs[j],
				    around[k]);
	assert_in_range(seen, 1000, UINT_MAX);
	unit_end();
}

/* The same of requirements: each that a row refuses has what the row needs. */
static void
test_needs_of_items(void **state)
{
	static const char *const requirements[] = { "VERIFY+CN:a++PSF",
		"VERIFY+CN:a++b++PFS", "VERIFY+BY:x+UNTIL:2099-12-31",
		"VERIFY+CN:BadCertificateCN", "VERIFY+CN:a+00b",
		"VERIFY+CS:CN=a", "VERIFY+CLIENT:*.example", "VERIFY+WHEN:@",
		"VERIFY+VER:1.3++CIPHER:AES128-SHA" };
	unsigned hits = 0;

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(requirements); i++) {
		struct requirement r;
		struct fault fault;
		struct never n;

		assert_true(requirement_parse(slice_of(requirements[i]),
		    TAG_CLT, &r, &fault));
		assert_non_null(never_requirement(&n, TAG_CLT, &r, false));
		for (const struct never_row *row = never_table();
		    row->name != NULL; row++) {
			text_init(&n.meant, n.meant_text, sizeof n.meant_text);
			if ((row->about & NEVER_ITEMS) == 0 || !row->test(&n))
				continue;
			hits++;
			unit_number(requirements[i], true,
			    (row->needs & never_items(&r)) != 0);
		}
	}
	assert_in_range(hits, UNIT_COUNT(requirements), UINT_MAX);
	unit_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_as_sendmail),
		cmocka_unit_test(test_meant),
		cmocka_unit_test(test_needs),
		cmocka_unit_test(test_needs_of_items)
	};

	return unit_main(tests);
}
