/* Profiles: lines AS:name, what they come to, and what stops a build. */
#include <stdio.h>
#include <string.h>

#include "policy/rules/profile.h"
#include "t/unit.h"

static void
note(void *arg, const struct fault *fault)
{
	char line[FAULT_WHERE_MAX + FAULT_TEXT_MAX + 48];

	text_printf(arg, "%s\n", fault_print(fault, line, sizeof line));
}

/* All that is said of the rules; "" when they are good. */
static const char *
said(const char *rules)
{
	static char buf[16384];
	struct rulefile file;
	struct fault fault;
	struct text out;
	bool good;

	text_init(&out, buf, sizeof buf);
	rulefile_init(&file, note, &out);
	file.warn = note;
	assert_true(rulefile_read_text(&file, slice_of(rules), "r", &fault));
	good = rulefile_finish(&file);
	unit_number(rules, good, file.bad_lines == 0);
	rulefile_free(&file);
	return buf;
}

/* What the line of `tag`x.example comes to; else what is wrong. */
static const char *
joined(const char *profile, const char *tag, const char *line)
{
	static char buf[8192];
	char rules[8192];
	struct requirement r;
	struct rulefile file;
	struct fault fault;
	struct text out;

	text_init(&out, buf, sizeof buf);
	snprintf(rules, sizeof rules, "Profile:p %s\n%s:x.example %s\n",
	    profile, tag, line);
	rulefile_init(&file, note, &out);
	assert_true(rulefile_read_text(&file, slice_of(rules), "r", &fault));
	if (rulefile_finish(&file)) {
		for (size_t i = 0; i < file.n; i++)
			if (key_bytes_tag(rule_key_bytes(&file.rules[i])) !=
			    TAG_PROFILE) {
				assert_true(rulefile_requirement(&file,
				    &file.rules[i], &r, &fault));
				requirement_print(&r, &out);
			}
	}
	rulefile_free(&file);
	return buf;
}

#define ONE "; expected it in one of the two lines only, as any one of "      \
	"several would do\n"

static void
test_joined(void **state)
{
	static const char *const rows[][3] = {
		{ "PERM+VERIFY:128+VER:1.2++PFS", "AS:p",
		    "PERM+VERIFY:128+VER:1.2++PFS" },
		{ "PERM+VERIFY:128+VER:1.2++PFS", "as:P++CN:.x.example",
		    "PERM+VERIFY:128+VER:1.2++PFS++CN:.x.example" },
		{ "ENCR:1", "AS:p++AEAD", "ENCR:1+AEAD" },
		{ "WARN+ENCR:1+CN:a++CN:b", "AS:p++ICN:c++ICN:d",
		    "WARN+ENCR:1+CN:a++CN:b++ICN:c++ICN:d" },
		/* The later VER of line and profile counts. */
		{ "ENCR:1+VER:1.2", "AS:p++VER:1.3", "ENCR:1+VER:1.3" },
		{ "ENCR:1+VER:1.3", "AS:p++VER:1.2", "ENCR:1+VER:1.3" },
		{ "ENCR:1+VER:1.2", "AS:p++VER:1.2", "ENCR:1+VER:1.2" },
		{ "ENCR:1+PFS", "AS:p++PFS++AEAD", "ENCR:1+PFS++AEAD" },
		/* Both lists hold. */
		{ "ENCR:1+CIPHER:HIGH", "AS:p++CIPHER:ECDHE",
		    "ENCR:1+CIPHER:HIGH++CIPHER:ECDHE" },
		/* Notes: the line's own, else the profile's; MSG comes last. */
		{ "ENCR:1+BY:a++MSG:b c", "AS:p++AEAD",
		    "ENCR:1+BY:a++AEAD++MSG:b c" },
		{ "ENCR:1+BY:a++MSG:b c", "AS:p++BY:d++MSG:e f",
		    "ENCR:1+BY:d++MSG:e f" },
		{ "ENCR:1", "AS:p++UNTIL:2027-01-01++WHEN:192.0.2.1",
		    "ENCR:1+UNTIL:2027-01-01++WHEN:192.0.2.1" },
		/* A line may not add what would weaken the profile. */
		{ "ENCR:1+CN:a", "AS:p++CN:b", "r:2:25: found CN beside AS:p"
		    ONE },
		{ "ENCR:1+CN", "AS:p++PFS++CN:b", "r:2:30: found CN beside "
		    "AS:p" ONE },
		{ "ENCR:1+CITag:A", "AS:p++CITag:B", "r:2:25: found CITag "
		    "beside AS:p" ONE },
		{ "ENCR:1+CLIENT:10", "AS:p++CLIENT:11", "r:2:25: found CLIENT "
		    "beside AS:p" ONE },
		{ "ENCR:1+FP:00112233445566778899AABBCCDDEEFF",
		    "AS:p++FP:00112233445566778899AABBCCDDEEFE",
		    "r:2:25: found FP beside AS:p" ONE },
		{ "ENCR:1+VER:1.3", "AS:p++CIPHER:AES128-SHA", "r:2:25: "
		    "\"CIPHER:AES128-SHA\" can never hold: no cipher suite "
		    "meets all of these items; name suites that the other "
		    "items allow, or leave it out\n" },
		{ "ENCR:1+CIPHER:AES128-SHA", "AS:p++VER:1.3", "r:2:19: "
		    "\"CIPHER:AES128-SHA\" can never hold: no cipher suite "
		    "meets all of these items; name suites that the other "
		    "items allow, or leave it out\n" },
		{ "DANE", "AS:p", "r:2:19: found AS:p, which asks for DANE; "
		    "expected a profile that is not only for TLS_Srv and "
		    "TLS_Rcpt\n" }
	};

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(rows); i++)
		unit_same(rows[i][1], rows[i][2], joined(rows[i][0],
		    "TLS_Clt", rows[i][1]));
	unit_same("DANE", "DANE", joined("DANE", "TLS_Rcpt", "AS:p"));
	unit_same("a client of mail that leaves", "r:2:20: found AS:p, which "
	    "has CLIENT; expected a profile without it, as TLS_Rcpt is about "
	    "mail that leaves\n", joined("ENCR:1+CLIENT:10", "TLS_Rcpt",
	    "AS:p"));
	unit_end();
}

static void
test_limits(void **state)
{
	char profile[1100], line[1100], want[1200];
	struct text p, l;

	(void)state;
	text_init(&p, profile, sizeof profile);
	text_init(&l, line, sizeof line);
	text_puts(&p, "ENCR:1+CN:a");
	text_puts(&l, "AS:p");
	for (int i = 1; i < 12; i++) {
		text_printf(&p, "++CN:a%d", i);
		text_printf(&l, "++ICN:a%d", i);
	}
	text_puts(&l, "++ICN:a");
	unit_number("24 items", 0, strncmp(joined(profile, "TLS_Clt", line),
	    "ENCR:1+CN:a++", 12));
	text_puts(&l, "++PFS");
	unit_same("25 items", "r:2:19: found more than 24 items with those of "
	    "Profile:p; expected at most that many\n", joined(profile,
	    "TLS_Clt", line));
	snprintf(profile, sizeof profile, "ENCR:1+CN:%0500d", 1);
	snprintf(line, sizeof line, "AS:p++ICN:%0501d", 1);
	snprintf(want, sizeof want, "ENCR:1+CN:%0500d++ICN:%0501d", 1, 1);
	unit_same("1024 bytes", want, joined(profile, "TLS_Clt", line));
	snprintf(line, sizeof line, "AS:p++ICN:%0510d", 1);
	unit_same("more bytes", "r:2:19: found more than 1024 bytes with those "
	    "of Profile:p; expected at most that many\n", joined(profile,
	    "TLS_Clt", line));
	unit_end();
}

#define NAME "the name of a profile: letters, digits, - and _, and ++ before " \
	"an item\n"
#define LINE "the name of a profile, one of the lines Profile:..."

static void
test_said(void **state)
{
	static const char *const rows[][2] = {
		{ "TLS_Clt:a AS:b\nProfile:b ENCR:1\n", "" },
		{ "tls_clt:a as:B\nPROFILE:b ENCR:1\n", "" },
		{ "a.example AS:b\nProfile:b ENCR:1\n", "" },
		{ "TLS_Clt:a AS:bnak\nProfile:bank ENCR:1\nTLS_To:a AS:bank\n",
		    "r:1:11: found \"AS:bnak\"; expected " LINE
		    ", did you mean bank?\n" },
		{ "TLS_Clt:a  \tAS:b\n", "r:1:13: found \"AS:b\"; expected "
		    LINE "\n" },
		{ "Profile:a ENCR:1\n", "r:1:1: warning: no rule names AS:a, "
		    "so this line does nothing\n" },
		{ "TLS_Clt:a AS:\n", "r:1:14: found the end of the rule; "
		    "expected " NAME },
		{ "TLS_Clt:a AS:b+CN:c\n", "r:1:14: found \"b+CN:c\"; expected "
		    NAME },
		{ "TLS_Clt:a PERM+AS:b\n", "r:1:16: found \"AS:b\"; expected "
		    "AS:profile at the beginning, in place of class and "
		    "need\n" },
		{ "TLS_Clt:a ENCR:1+AS:b\n", "r:1:18: found \"AS:b\"; expected "
		    "AS:profile at the beginning, in place of class and "
		    "need\n" },
		{ "Try_TLS:a AS:b\nProfile:b ENCR:1\n", "r:1:11: found "
		    "\"AS:b\"; expected NO or OK\n" },
		{ "Profile:a OK\n", "r:1:11: found \"OK\"; expected VERIFY, "
		    "VERIFY:bits or ENCR:bits\n" },
		{ "Profile:a AS:b\n", "r:1:11: found \"AS:b\"; expected the "
		    "requirement itself, as a profile names no other\n" },
		{ "Profile:a ENCR:1+UNTIL:2027-01-01\n", "r:1:18: found "
		    "\"UNTIL:2027-01-01\"; expected no conditions, which "
		    "belong to the lines that name the profile\n" },
		{ "Profile:a ENCR:1+WHEN:10\n", "r:1:18: found \"WHEN:10\"; "
		    "expected no conditions, which belong to the lines that "
		    "name the profile\n" },
		{ "Profile: ENCR:1\n", "r:1:9: \"\" is no name of a profile; "
		    "expected letters, digits, - and _\n" },
		{ "Profile:a.b ENCR:1\n", "r:1:9: \"a.b\" is no name of a "
		    "profile; expected letters, digits, - and _\n" },
		{ "TLS_Clt:x AS:a\nProfile:a ENCR:1\nProfile:A ENCR:2\n",
		    "r:3:1: found \"Profile:A\" a second time (first in line 2 "
		    "of r); expected one line for a profile\n" },
		/* One report for one mistake: the profile itself is bad. */
		{ "TLS_Clt:x AS:a\nProfile:a ENCR\n", "r:2:11: found \"ENCR\"; "
		    "expected ENCR:bits, as in ENCR:128\n" },
		/*
		 * CITag and CIPHER of a profile are checked as those of a line
		 * are.
		 */
		{ "TLS_Clt:x AS:a\nProfile:a ENCR:1+CITag:Ours\n"
		    "Ours:/CN=x OK\n", "" },
		{ "TLS_Clt:x AS:a\nProfile:a ENCR:1+CIPHER:NOSUCH\n",
		    "r:2:18: \"NOSUCH\" is not a cipher list that OpenSSL "
		    "knows\n" }
	};

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(rows); i++)
		unit_same(rows[i][0], rows[i][1], said(rows[i][0]));
	unit_end();
}

#define BANK "Profile:bank PERM+VERIFY:128+BY:sec\n"                           \
	"TLS_From:a.example AS:bank++CN:mx.a.example\n"
#define GOOD "verify=OK cipher_bits=256 mail_addr=x@a.example "                \
	"mail_resolved=x@a.example cn_subject="

/* A line with AS: is judged as the requirement written out would be. */
static void
test_judged(void **state)
{
	static const char *const rows[][2] = {
		{ GOOD "mx.a.example", "accept" },
		{ GOOD "evil.example", "reject 554 5.7.1 wrong certificate: "
		    "wanted CN:mx.a.example, found evil.example / rule "
		    "TLS_From:a.example PERM+VERIFY:128+CN:mx.a.example" },
		{ "mail_addr=x@a.example mail_resolved=x@a.example", "reject "
		    "550 5.7.10 encryption required: wanted a verified "
		    "certificate, found a session in clear / rule "
		    "TLS_From:a.example PERM+VERIFY:128+CN:mx.a.example" }
	};

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(rows); i++)
		unit_same(rows[i][0], rows[i][1], unit_judge(BANK, rows[i][0],
		    TAG_FROM, "", 0));
	/* A profile is no tag that anybody is judged by. */
	unit_same("the tag", "accept", unit_judge(BANK, "client_name=bank",
	    TAG_PROFILE, "", 0));
	unit_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_joined),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_said),
		cmocka_unit_test(test_judged)
	};

	return unit_main(tests);
}
