/* Requirements: what is understood, and each mistake with its column. */
#include <stdio.h>
#include <string.h>

#include "policy/rules/item.h"
#include "t/unit.h"

#define SHA256 "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static const char *
parsed(const char *rule, enum tag tag)
{
	static char buf[2048];
	struct requirement r;
	struct fault fault;
	struct text out;

	text_init(&out, buf, sizeof buf);
	if (requirement_parse(slice_of(rule), tag, &r, &fault))
		requirement_print(&r, &out);
	else
		text_printf(&out, "%lu: %s", fault.column, fault.text);
	return buf;
}

/* A row: a requirement, how it is printed (NULL: as it was written). */
static void
test_good(void **state)
{
	static const char *const rows[][2] = {
		{ "OK", NULL }, { "ok", "OK" }, { "VERIFY", NULL },
		{ "verify:112", "VERIFY:112" }, { "ENCR:0", NULL },
		{ "Encr:65535", "ENCR:65535" }, { "PERM+VERIFY", NULL },
		{ "temp+encr:128", "TEMP+ENCR:128" }, { "WARN+VERIFY:1", NULL },
		{ "HOLD+ENCR:256", NULL }, { "VERIFY+CN", NULL },
		{ "VERIFY+cn:x", "VERIFY+CN:x" }, { "VERIFY+CN:*.x.y", NULL },
		{ "VERIFY:112+CN:a++CS:/C=DE/CN=b+20c++CI:/CN=d", NULL },
		{ "VERIFY+CITag:MyCA", NULL }, { "VERIFY+CN:a++b", NULL },
		{ "VERIFY+CN:a++b++PFS", NULL }, { "VERIFY+ICN:Root+20CA", NULL },
		{ "ENCR:1+FP:" SHA256, NULL },
		{ "ENCR:1+FP:00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff",
		    NULL },
		{ "ENCR:1+VER:1.0++VER:1.3", NULL }, { "ENCR:1+PFS++AEAD", NULL },
		{ "ENCR:1+CIPHER:HIGH:!aNULL", NULL },
		{ "ENCR:1+CIPHER:ECDHE+AESGCM++PFS", NULL },
		{ "ENCR:1+FROM:2026-01-01++UNTIL:2026-01-01", NULL },
		{ "ENCR:1+UNTIL:9999-12-31", NULL },
		{ "ENCR:1+BY:ticket-4711", NULL },
		{ "ENCR:1+MSG:call us, +49 30 123++PFS is no item", NULL },
		{ "ENCR:1+CN:a:b", NULL }, { "ENCR:1+CN:a+b", NULL }
	};

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(rows); i++)
		unit_same(rows[i][0], rows[i][1] != NULL ? rows[i][1] :
		    rows[i][0], parsed(rows[i][0], TAG_CLT));
	unit_same("Try_TLS", "NO", parsed("no", TAG_TRY));
	unit_same("Try_TLS", "OK", parsed("Ok", TAG_TRY));
	unit_same("CITag", "OK", parsed("oK", TAG_CA));
	unit_end();
}

static void
test_needs(void **state)
{
	(void)state;
	unit_same("REJECT", "1: found \"REJECT\"; expected OK, VERIFY, "
	    "VERIFY:bits or ENCR:bits, or one of PERM+, TEMP+, WARN+, HOLD+ "
	    "before it", parsed("REJECT", TAG_CLT));
	unit_same("PERM+FOO", "6: found \"FOO\"; expected VERIFY, "
	    "VERIFY:bits or ENCR:bits", parsed("PERM+FOO", TAG_CLT));
	unit_same("PERM+TEMP+ENCR:1", "6: found \"TEMP\"; expected VERIFY, "
	    "VERIFY:bits or ENCR:bits", parsed("PERM+TEMP+ENCR:1", TAG_CLT));
	unit_same("PERM+", "6: found the end of the rule; expected VERIFY, "
	    "VERIFY:bits or ENCR:bits", parsed("PERM+", TAG_CLT));
	unit_same("none", "1: found the end of the rule; expected OK, VERIFY, "
	    "VERIFY:bits or ENCR:bits, or one of PERM+, TEMP+, WARN+, HOLD+ "
	    "before it", parsed(NULL, TAG_CLT));
	unit_same("ENCR", "1: found \"ENCR\"; expected ENCR:bits, as in "
	    "ENCR:128", parsed("ENCR", TAG_CLT));
	unit_same("TEMP+ENCR", "6: found \"ENCR\"; expected ENCR:bits, as in "
	    "ENCR:128", parsed("TEMP+ENCR", TAG_CLT));
	unit_same("PERM+OK", "1: found \"PERM+OK\"; expected OK alone (an "
	    "exception with an end or a note is written "
	    "ENCR:0+UNTIL:date++BY:text)", parsed("PERM+OK", TAG_CLT));
	unit_same("Try_TLS", "1: found \"VERIFY\"; expected NO or OK",
	    parsed("VERIFY", TAG_TRY));
	unit_same("CITag", "1: found \"NO\"; expected OK, the only word for "
	    "an acceptable issuer", parsed("NO", TAG_CA));
	unit_same("NO", "1: found \"NO\"; expected OK, VERIFY, VERIFY:bits or "
	    "ENCR:bits, or one of PERM+, TEMP+, WARN+, HOLD+ before it",
	    parsed("NO", TAG_CLT));
	unit_end();
}

static void
test_bits(void **state)
{
	static const struct {
		const char *rule, *found;
		unsigned column;
	} rows[] = {
		{ "VERIFY:", "the end of the rule", 8 },
		{ "ENCR:", "the end of the rule", 6 },
		{ "PERM+ENCR:", "the end of the rule", 11 },
		{ "ENCR:+CN", "\"+\"", 6 }, { "ENCR:0x80", "\"0x80\"", 6 },
		{ "ENCR:0200", "\"0200\"", 6 }, { "ENCR:00", "\"00\"", 6 },
		{ "ENCR:-1", "\"-1\"", 6 }, { "ENCR:65536", "\"65536\"", 6 },
		{ "VERIFY:128bits", "\"128bits\"", 8 },
		{ "VERIFY: 128", "\" 128\"", 8 },
		{ "VERIFY:112:2", "\"112:2\"", 8 }
	};

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		char want[256];

		snprintf(want, sizeof want, "%u: found %s; expected a number "
		    "of bits, 0 to 65535 in decimal", rows[i].column,
		    rows[i].found);
		unit_same(rows[i].rule, want, parsed(rows[i].rule, TAG_CLT));
	}
	unit_end();
}

#define ITEMS                                                                 \
	"CN, CS:, CI:, CITag:, ICN:, FP:, PKFP:, VER:, AUTHENTICATED, PFS, AEAD, "    \
	"CIPHER:, CLIENT:, WHEN:, FROM:, UNTIL:, BY: or MSG:"

static const struct {
	const char *rule, *found, *expected;
	unsigned column;
} item_mistakes[] = {
	{ "VERIFY+", "the end of the rule", ITEMS, 8 },
	{ "VERIFY+FOO", "\"FOO\"", ITEMS, 8 },
	{ "VERIFY+CN++", "the end of the rule", ITEMS, 12 },
	{ "VERIFY+CN++FOO:x", "\"FOO:x\"", ITEMS, 12 },
	{ "VERIFY++CN", "\"+CN\"", ITEMS, 8 },
	{ "VERIFY+CN+PFS", "\"CN+PFS\"", ITEMS, 8 },
	{ "VERIFY+CN:", "\"CN:\"", "CN, CN:name, CN:*.name or CN:.name", 8 },
	{ "VERIFY+CS", "\"CS\"",
	    "CS:dn, the subject's distinguished name", 8 },
	{ "VERIFY+CI:", "\"CI:\"",
	    "CI:dn, the issuer's distinguished name", 8 },
	{ "VERIFY+CITag", "\"CITag\"",
	    "CITag:Tag, and rows Tag:issuer-dn OK", 8 },
	{ "VERIFY+CITag:a b", "\"CITag:a b\"",
	    "no blanks (write +20 for one)", 8 },
	{ "VERIFY+CITag:a.b", "\"a.b\"", "the name of a CITag: "
	    "letters, digits, - and _", 14 },
	{ "VERIFY+CITag:TLS_Clt", "\"TLS_Clt\"", "the name of a "
	    "CITag: letters, digits, - and _", 14 },
	{ "VERIFY+ICN", "\"ICN\"", "ICN:name, the issuer's common name",
	    8 },
	{ "VERIFY+FP", "\"FP\"", "FP:hex", 8 },
	{ "VERIFY+FP:xy", "\"xy\"", "a fingerprint in hex, with or "
	    "without colons", 11 },
	{ "VERIFY+FP:0:1", "\"0:1\"", "a fingerprint in hex, with or "
	    "without colons", 11 },
	{ "VERIFY+FP:0011", "\"0011\"", "a fingerprint of 16, 20, 32, "
	    "48 or 64 bytes in hex", 11 },
	{ "VERIFY+FP:" SHA256 "0", "\"" SHA256 "0\"",
	    "an even number of hex digits", 11 },
	{ "VERIFY+VER", "\"VER\"", "VER:1.2 or the like", 8 },
	{ "VERIFY+VER:1.4", "\"1.4\"", "1.0, 1.1, 1.2 or 1.3", 12 },
	{ "VERIFY+VER:TLSv1.2", "\"TLSv1.2\"", "1.0, 1.1, 1.2 or 1.3",
	    12 },
	{ "VERIFY+PFS:yes", "\"PFS:yes\"", "PFS without a value", 8 },
	{ "VERIFY+AEAD:", "\"AEAD:\"", "AEAD without a value", 8 },
	{ "VERIFY+CIPHER", "\"CIPHER\"", "CIPHER:list", 8 },
	{ "VERIFY+FROM:2026-02-30", "\"2026-02-30\"",
	    "a date, YYYY-MM-DD", 13 },
	{ "VERIFY+UNTIL:tomorrow", "\"tomorrow\"",
	    "a date, YYYY-MM-DD", 14 },
	{ "VERIFY+FROM:2026-01-01++FROM:2026-01-02",
	    "\"FROM:2026-01-02\"", "FROM and UNTIL only once each", 25 },
	{ "VERIFY+UNTIL:2026-01-01++UNTIL:2026-01-01",
	    "\"UNTIL:2026-01-01\"", "FROM and UNTIL only once each",
	    26 },
	{ "VERIFY+FROM:2026-01-02++UNTIL:2026-01-01",
	    "\"UNTIL:2026-01-01\"",
	    "an UNTIL that is not before its FROM", 25 },
	{ "VERIFY+UNTIL:2026-01-01++FROM:2026-01-02",
	    "\"FROM:2026-01-02\"",
	    "an UNTIL that is not before its FROM", 26 },
	{ "VERIFY+BY", "\"BY\"", "BY:text", 8 },
	{ "VERIFY+BY:a b", "\"BY:a b\"",
	    "no blanks (write +20 for one)", 8 },
	{ "VERIFY+MSG:", "\"MSG:\"", "MSG:text, the last item", 8 },
	{ "VERIFY+CN:a\tb", "\"CN:a\tb\"",
	    "no blanks (write +20 for one)", 8 },
	{ "VERIFY+CN +PFS", "\"CN +PFS\"", ITEMS, 8 }
};

static void
test_items(void **state)
{
	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(item_mistakes); i++) {
		char want[512];

		snprintf(want, sizeof want, "%u: found %s; expected %s",
		    item_mistakes[i].column, item_mistakes[i].found, item_mistakes[i].expected);
		unit_same(item_mistakes[i].rule, want, parsed(item_mistakes[i].rule, TAG_CLT));
	}
	unit_end();
}

static void
test_limits(void **state)
{
	char rule[2000] = "ENCR:1+PFS";

	(void)state;
	for (int i = 1; i < REQUIREMENT_ITEMS_MAX; i++)
		strcat(rule, "++PFS");
	unit_same("24 items", rule, parsed(rule, TAG_CLT));
	strcat(rule, "++AEAD");
	unit_same("25 items", "128: found \"AEAD\"; expected at most 24 items",
	    parsed(rule, TAG_CLT));
	strcpy(rule, "ENCR:1+BY:");
	memset(rule + 10, 'x', 1014);
	rule[1024] = '\0';
	unit_same("1024 bytes", rule, parsed(rule, TAG_CLT));
	strcat(rule, "y");
	unit_same("1025 bytes", "1025: found \"y\"; expected at most 1024 "
	    "bytes", parsed(rule, TAG_CLT));
	unit_end();
}

static void
test_fields(void **state)
{
	struct requirement r;
	struct fault fault;

	(void)state;
	assert_true(requirement_parse(slice_of("HOLD+VERIFY:112+CN:x++"
	    "FROM:1970-01-02++UNTIL:1970-01-11++BY:me++MSG:call me"), TAG_TO,
	    &r, &fault));
	assert_int_equal(r.class, CLASS_HOLD);
	assert_int_equal(r.need, NEED_VERIFY);
	assert_int_equal(r.bits, 112);
	assert_int_equal(r.from, 1);
	assert_int_equal(r.until, 10);
	unit_slice("BY", "me", r.by);
	unit_slice("MSG", "call me", r.msg);
	unit_slice("CN", "x", r.items[0].value);
	assert_int_equal(r.items[0].offset, 16);
	assert_true(requirement_is_dated(&r));
	assert_false(requirement_counts_on(&r, 0));
	assert_true(requirement_counts_on(&r, 1));
	assert_true(requirement_counts_on(&r, 10));
	assert_false(requirement_counts_on(&r, 11));
	unit_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_needs),
		cmocka_unit_test(test_bits),
		cmocka_unit_test(test_items),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_fields),
	};

	return unit_main(tests);
}
