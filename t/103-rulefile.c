/* Rule files: every bad line is reported, with file, line and column. */
#include <sys/stat.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "t/unit.h"

static void
note(void *arg, const struct fault *fault)
{
	char line[FAULT_WHERE_MAX + FAULT_TEXT_MAX + 48];

	text_printf(arg, "%s\n", fault_print(fault, line, sizeof line));
}

/* All reports about `rules`; "" when they are good. */
static const char *
reports(const char *rules, size_t n)
{
	static char buf[16384];
	struct rulefile file;
	struct fault fault;
	struct text out;
	bool good;

	text_init(&out, buf, sizeof buf);
	rulefile_init(&file, note, &out);
	file.warn = note;
	assert_true(rulefile_read_text(&file, slice_make(rules, n), "r",
	    &fault));
	good = rulefile_finish(&file);
	unit_number(rules, good, strstr(buf, "warning: ") != NULL ||
	    out.n == 0);
	unit_number(rules, good, file.bad_lines == 0);
	rulefile_free(&file);
	return buf;
}

#define TAGS                                                                  \
	"expected TLS_Clt, TLS_From, TLS_To, TLS_Header, TLS_Auth, "          \
	"TLS_Daemon, TLS_Srv, TLS_Rcpt, Try_TLS, Profile, or one that a "     \
	"CITag item names"

static void
test_lines(void **state)
{
	static const char *const rows[][2] = {
		{ "", "" }, { "\n\n\n", "" }, { "# comment\n", "" },
		{ "#", "" }, { "   \t \n", "" },
		{ "TLS_Clt:a.example OK", "" },
		{ "TLS_Clt:a.example\t \tOK\t \n", "" },
		{ "  TLS_Clt:a.example OK\n", "" },
		{ "TLS_Clt:a.example OK\r\nTLS_Clt:b.example OK\r\n", "" },
		{ "\xef\xbb\xbfTLS_Clt:a.example OK\n", "" },
		{ "\xef\xbb\xbf# comment\n", "" },
		{ "TLS_Clt:a.example\n", "r:1:18: found only "
		    "\"TLS_Clt:a.example\"; expected KEY, blanks, "
		    "REQUIREMENT\n" },
		{ "\n\n  TLS_Clt:a.example \t ENCR\n", "r:3:23: found "
		    "\"ENCR\"; expected ENCR:bits, as in ENCR:128\n" },
		{ "TLS_Clt:192.0.2.1/24 OK", "r:1:9: \"192.0.2.1/24\" has bits "
		    "set behind its prefix; expected 192.0.2.0/24\n" },
		{ " # no comment here\n", "r:1:2: \"#\" can never match: it "
		    "is no name that DNS can tell; a name has letters, "
		    "digits, - and _, 1 to 63 of them between dots and at "
		    "most 253 in all\n" },
		{ "TLS_Clt:a OK\x01\n", "r:1:13: found a control character "
		    "(0x01); expected text\n" },
		{ "TLS_Clt:a\x7f OK\n", "r:1:10: found a control character "
		    "(0x7f); expected text\n" },
		{ "TLS_Clt:a\rb OK\n", "r:1:10: found a control character "
		    "(0x0d); expected text\n" },
		{ "TLS_Clt:a ENCR:1+CIPHER:NOSUCH\n", "r:1:18: \"NOSUCH\" is "
		    "not a cipher list that OpenSSL knows\n" },
		{ "TLS_Clt:a ENCR:1+CIPHER::\n", "r:1:18: \":\" is not a "
		    "cipher list that OpenSSL knows\n" },
		{ "Connect:192.0.2.1 REJECT\n", "r:1:1: found the tag "
		    "\"Connect\"; " TAGS "\n" },
		{ "TLS_From:bo\xc2\xadss@a OK\n", "r:1:12: found an invisible "
		    "character (U+00AD); expected text\n" },
		{ "TLS_From:b\xe3\x85\xa4@a OK\n", "r:1:11: found an invisible "
		    "character (U+3164); expected text\n" },
		{ "TLS_From:b@a ENCR:1+MSG:\xf3\xa0\x81\x81\n", "r:1:25: found an "
		    "invisible character (U+E0041); expected text\n" },
		{ "TLS_From:b@a ENCR:1+MSG:\xe2\x9c\x89\xef\xb8\x8f\n", "" },
		{ "TLS_Client:a OK\n", "r:1:1: found the tag \"TLS_Client\"; "
		    TAGS ", did you mean TLS_Clt?\n" }
	};

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(rows); i++)
		unit_same(rows[i][0], rows[i][1], reports(rows[i][0],
		    strlen(rows[i][0])));
	unit_same("NUL", "r:1:10: found a control character (0x00); expected "
	    "text\n", reports("TLS_Clt:a\0 OK\n", 14));
	unit_end();
}

static void
test_every_bad_line(void **state)
{
	static const char rules[] = "TLS_Clt:a ENCR\n" "TLS_Clt:b OK\n"
	    "nonsense\n" "TLS_Clt:c VERIFY+FP:1\n" "\n" "Foo:x OK\n"
	    "TLS_Clt:b PERM+VERIFY\n";

	(void)state;
	unit_same("in file order, then what the whole shows",
	    "r:1:11: found \"ENCR\"; expected ENCR:bits, as in ENCR:128\n"
	    "r:3:9: found only \"nonsense\"; expected KEY, blanks, "
	    "REQUIREMENT\n"
	    "r:4:21: found \"1\"; expected a fingerprint of 16, 20, 32, 48 or "
	    "64 bytes in hex\n"
	    "r:6:1: found the tag \"Foo\"; " TAGS "\n"
	    "r:7:1: found \"TLS_Clt:b\" a second time (first in line 2 of r); "
	    "expected one line for a key, or FROM, UNTIL or WHEN on all but "
	    "its last\n", reports(rules, strlen(rules)));
	unit_end();
}

#define TWICE(line, key, first)                                               \
	"r:" #line ":1: found \"" key "\" a second time (first in line "      \
	#first " of r); expected one line for a key, or FROM, UNTIL or WHEN "  \
	"on all but its last\n"

#define SPELLED(line, key)                                                    \
	"r:" #line ":1: warning: \"" key "\" is another spelling of "          \
	"\"TLS_To:\xc3\xbc@\" in line 1 of r, so this line does nothing\n"

static void
test_duplicates(void **state)
{
	static const char *const rows[][2] = {
		{ "TLS_Clt:a OK\nTLS_Srv:a OK\nTLS_Clt:.a OK\nTLS_Clt: OK\n",
		    "" },
		{ "TLS_Clt:a OK\ntls_clt:A. ENCR:1\n",
		    TWICE(2, "tls_clt:A.", 1) },
		{ "TLS_Clt:192.0.2 OK\nTLS_Clt:192.0.2.0/24 OK\n",
		    TWICE(2, "TLS_Clt:192.0.2.0/24", 1) },
		{ "TLS_Clt:2001:db8::1 OK\nTLS_Clt:IPv6:2001:DB8:0::1 OK\n",
		    TWICE(2, "TLS_Clt:IPv6:2001:DB8:0::1", 1) },
		{ "TLS_Clt:a ENCR:1+UNTIL:2026-01-01\nTLS_Clt:a ENCR:2\n", "" },
		{ "TLS_Clt:a ENCR:1+UNTIL:2026-01-01\n"
		    "TLS_Clt:a ENCR:1+FROM:2027-01-01\nTLS_Clt:a ENCR:2\n", "" },
		{ "TLS_Clt:a ENCR:2\nTLS_Clt:a ENCR:1+UNTIL:2026-01-01\n",
		    TWICE(2, "TLS_Clt:a", 1) },
		{ "a ENCR:1\nTLS_Srv:a OK\n", TWICE(2, "TLS_Srv:a", 1) },
		{ "a ENCR:1\na ENCR:1\n", TWICE(2, "TLS_Clt:a", 1) },
		{ "TLS_To:\xc3\xbc@ OK\nTLS_To:\xc3\x9c@ ENCR:1\n",
		    TWICE(2, "TLS_To:\xc3\x9c@", 1) },
		{ "TLS_To:\xc3\xbc@ OK\nTLS_To:\xc3\xbc@ OK\n",
		    TWICE(2, "TLS_To:\xc3\xbc@", 1) },
		{ "TLS_To:\xc3\xbc@ OK\nTLS_To:\xc3\x9c@ OK\nTLS_To:u\xcc\x88@ OK\n",
		    SPELLED(2, "TLS_To:\xc3\x9c@")
		    SPELLED(3, "TLS_To:u\xcc\x88@") },
		{ "TLS_From:\xc3\xbc.example OK\nTLS_From:\xc3\x9c.example OK\n",
		    TWICE(2, "TLS_From:\xc3\x9c.example", 1) },
		{ "TLS_Auth:boss OK\nTLS_Auth:bo\xc5\xbfs OK\n",
		    "r:2:1: warning: \"TLS_Auth:bo\xc5\xbfs\" is another spelling "
		    "of \"TLS_Auth:boss\" in line 1 of r, so this line does "
		    "nothing\n" },
		{ "MyCA:/CN=x OK\nmyca:/cn=X OK\nTLS_Clt: VERIFY+CITag:MyCA\n",
		    TWICE(2, "myca:/cn=X", 1) }
	};

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(rows); i++)
		unit_same(rows[i][0], rows[i][1], reports(rows[i][0],
		    strlen(rows[i][0])));
	unit_end();
}

static void
test_issuers(void **state)
{
	static const char *const rows[][2] = {
		{ "MyCA:/CN=x OK\nTLS_Clt:a VERIFY+CITag:MyCA\n", "" },
		{ "TLS_Clt:a VERIFY+CITag:myca\nMYCA:/CN=x OK\n", "" },
		{ "TLS_Clt:a VERIFY+CITag:MyCA\n", "" },
		{ "MyCA:/CN=x OK\n", "r:1:1: warning: no rule names "
		    "CITag:MyCA, so this line does nothing\n" },
		{ "Other:/CN=x OK\nTLS_Clt:a VERIFY+CITag:MyCA\n",
		    "r:1:1: warning: no rule names CITag:Other, so this line "
		    "does nothing\n" },
		{ "MyCA:CN=x OK\n",
		    "r:1:1: found the tag \"MyCA\"; " TAGS "\n" },
		{ "MyCA:CN=x OK\nTLS_Clt:a VERIFY+CITag:MyCA\n", "r:1:6: "
		    "\"CN=x\" can never match: an issuer's name, as MTAs "
		    "tell it, begins with a slash; write it as in "
		    "/C=DE/O=Example/CN=Root+20CA; tlspolicy cert FILE prints "
		    "it so\n" },
		{ "MyCA:/CN=x REJECT\nTLS_Clt:a VERIFY+CITag:MyCA\n",
		    "r:1:1: found the tag \"MyCA\"; " TAGS "\n" }
	};

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(rows); i++)
		unit_same(rows[i][0], rows[i][1], reports(rows[i][0],
		    strlen(rows[i][0])));
	unit_end();
}

static void
test_untagged(void **state)
{
	struct rulefile file;

	(void)state;
	unit_read_rules(&file, "mail.example.com ENCR:112\n"
	    "2001:db8::1 VERIFY\n");
	assert_int_equal(file.n, 4);
	assert_int_equal(file.untagged, 2);
	unit_slice("key", "TLS_Clt:mail.example.com", rule_key(&file.rules[0]));
	unit_slice("key", "TLS_Clt:2001:db8::1", rule_key(&file.rules[1]));
	unit_slice("key", "TLS_Srv:mail.example.com", rule_key(&file.rules[2]));
	unit_slice("requirement", "ENCR:112", rule_requirement(&file.rules[2]));
	for (size_t i = 0; i < file.n; i++)
		assert_true(file.rules[i].flags & RULE_UNTAGGED);
	rulefile_free(&file);
	unit_same("column", "r:1:2: \"192.0.2.1/24\" has bits set behind its "
	    "prefix; expected 192.0.2.0/24\n", reports(" 192.0.2.1/24 OK",
	    16));
	unit_end();
}

static void
test_long_lines(void **state)
{
	char line[RULEFILE_LINE_MAX + 2];
	static char list[700];

	(void)state;
	memset(line, 'x', sizeof line);
	memcpy(line, "#", 1);
	unit_same("a comment may be long", "", reports(line, sizeof line));
	memcpy(line, "TLS_Clt:a ENCR:1+MSG:", 21);
	unit_same("2050 bytes", "r:1:2049: the line has 2050 bytes; expected "
	    "at most 2048\n", reports(line, sizeof line));
	unit_same("2048 bytes", "r:1:1035: found \"x\"; expected at most 1024 "
	    "bytes\n", reports(line, RULEFILE_LINE_MAX));
	/*
	 * A cipher list that OpenSSL takes and that is too long for the store.
	 */
	strcpy(list, "TLS_Clt:a ENCR:1+CIPHER:AES128-SHA");
	while (strlen(list) < 24 + 486)
		strcat(list, ":AES256-SHA");
	unit_same("long list", "r:1:18: the cipher list has 494 bytes; "
	    "expected at most 480\n", reports(list, strlen(list)));
	unit_end();
}

static void
test_files(void **state)
{
	struct rulefile file;
	struct fault fault;
	char want[256];

	(void)state;
	rulefile_init(&file, NULL, NULL);
	assert_false(rulefile_read(&file, unit_path("missing"), &fault));
	assert_int_equal(fault.kind, FAULT_NOINPUT);
	snprintf(want, sizeof want, "cannot open %s: No such file or "
	    "directory", unit_path("missing"));
	unit_same("missing", want, fault.text);
	assert_int_equal(mkdir(unit_path("empty"), 0755), 0);
	assert_false(rulefile_read(&file, unit_path("empty"), &fault));
	assert_int_equal(fault.kind, FAULT_NOINPUT);
	snprintf(want, sizeof want, "cannot read %s: it has no file *.rules; "
	    "expected one at least", unit_path("empty"));
	unit_same("folder", want, fault.text);
	rmdir(unit_path("empty"));
	for (unsigned i = file.nsources; i < RULEFILE_SOURCES_MAX; i++)
		assert_true(rulefile_read(&file, "/dev/null", &fault));
	assert_false(rulefile_read(&file, "/dev/null", &fault));
	assert_int_equal(fault.kind, FAULT_USAGE);
	rulefile_free(&file);
	unit_end();
}

enum { MANY = 200000, MANY_BYTES = 64 };

/* Line `i` of many: good ones of all sorts, and now and then a bad one. */
static int
print_line(unsigned i, char *out)
{
	if (i == 0 || i == MANY - 1 || i % 9973 == 0)
		return sprintf(out, "TLS_Clt:h%u.example BAD%u\n", i, i);
	if (i % 5003 == 0)
		return sprintf(out, "h%u.example\tENCR:112\n", i);
	if (i % 4999 == 0)
		return sprintf(out, "TLS_From:p%u.example AS:p\n", i);
	if (i % 101 == 0)
		return sprintf(out, "# comment %u\n", i);
	return sprintf(out, "TLS_Clt:h%u.example VERIFY:128+CN:h%u\n", i, i);
}

static void
note_line(void *arg, const struct fault *fault)
{
	text_printf(arg, "%lu:%lu ", fault->line, fault->column);
}

/*
 * So many lines that threads share them: the reports are those of one thread.
 */
static void
test_many(void **state)
{
	static char buf[1024], want_buf[1024];
	char *text = malloc(MANY * MANY_BYTES);
	struct rulefile file;
	struct fault fault;
	struct text out, want;
	unsigned rules = 0, untagged = 0, as = 0;
	size_t n = 0, at = 0;

	(void)state;
	assert_non_null(text);
	text_init(&out, buf, sizeof buf);
	text_init(&want, want_buf, sizeof want_buf);
	for (unsigned i = 0; i < MANY; i++)
		n += (size_t)print_line(i, text + n);
	rulefile_init(&file, note_line, &out);
	assert_true(rulefile_read_text(&file, slice_make(text, n), "r",
	    &fault));
	for (unsigned i = 0; i < MANY; i++) {
		char line[MANY_BYTES], *end = line + print_line(i, line);
		char *blank = strpbrk(line, " \t");

		if (strstr(line, " BAD") != NULL) {
			text_printf(&want, "%u:%u ", i + 1,
			    (unsigned)(blank - line) + 2);
			continue;
		}
		if (line[0] == '#')
			continue;
		untagged += line[0] == 'h';
		as += strstr(line, "AS:") != NULL;
		for (int half = 0; half < (line[0] == 'h' ? 2 : 1); half++) {
			const struct rule *rule = &file.rules[at++];

			rules++;
			assert_int_equal(rule->line, i + 1);
			assert_true(slice_equal(rule_requirement(rule),
			    slice_make(blank + 1,
			    (size_t)(end - blank) - 2)));
		}
	}
	unit_same("bad lines", want.buf, out.buf);
	unit_number("cut", false, want.cut || out.cut);
	unit_number("rules", rules, (long long)file.n);
	unit_number("untagged", untagged, (long long)file.untagged);
	unit_number("profiles", as, (long long)file.nas);
	for (size_t i = 0; i < file.nas; i++)
		assert_int_equal(file.rules[file.as[i].rule].flags & RULE_AS,
		    RULE_AS);
	rulefile_free(&file);
	free(text);
	unit_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_every_bad_line),
		cmocka_unit_test(test_duplicates),
		cmocka_unit_test(test_issuers),
		cmocka_unit_test(test_untagged),
		cmocka_unit_test(test_long_lines),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_many),
	};

	return unit_main(tests);
}
