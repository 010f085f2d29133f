/* No spelling of an address goes past the rule of its mailbox. */
#include <stdio.h>
#include <string.h>

#include "t/unit.h"

#define RULES "TLS_From:perm.test PERM+ENCR:128\n" \
	"TLS_From:ok.test OK\nTLS_To:perm@bar.test PERM+ENCR:128\n" \
	"TLS_To:boss@bar.test PERM+ENCR:128\nTLS_To:ok.test OK\n"

static void
expect(const char *fact, const char *address, enum tag tag, const char *want)
{
	static char macros[2048];
	const char *got;

	snprintf(macros, sizeof macros, "v=8.17 j=mx.bar.test %s=%s", fact,
	    address);
	got = unit_judge(RULES, macros, tag, "", 0);
	unit_number(address, 1, strncmp(got, want, strlen(want)) == 0);
}

static void
test_spellings(void **state)
{
	static const char *const from[] = { "<a@perm.test>", "<perm.test!a>",
		"<a%perm.test>", "<\"a\"%perm.test>", "<a@perm.test(c)>",
		"<x<a@perm.test>>", "<@bar.test:a%perm.test>",
		"<a%perm.test@bar.test>", "<ok.test!a%perm.test>",
		"<a@ok.test> mail_resolved=a@perm.test" };
	static const char *const to[] = { "<perm@bar.test>", "<perm>",
		"<\"perm\">", "<bar.test!perm>", "<perm%bar.test>",
		"<@bar.test:perm>", "<perm(c)@bar.test>",
		"<Joe<perm@bar.test>>", "<perm%bar.test@bar.test>",
		"<perm@localhost>", "<perm@[127.0.0.1]>",
		"<a@ok.test> rcpt_resolved=perm@bar.test",
		"<a@ok.test> rcpt_resolved=perm", "<perm@mx.bar.test>",
		"<perm@MX.bar.test.>", "<perm@ok.test> rcpt_resolved=perm" };

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(from); i++)
		expect("mail_addr", from[i], TAG_FROM, "reject");
	for (size_t i = 0; i < UNIT_COUNT(to); i++)
		expect("rcpt_addr", to[i], TAG_TO, "reject");
	expect("mail_addr", "<a@ok.test>", TAG_FROM, "accept");
	expect("mail_addr", "<a%perm.test@x.test>", TAG_FROM, "accept");
	expect("mail_addr", "<a@mx.bar.test>", TAG_FROM, "accept");
	unit_end();
}

/* Too long for a key is not absent; more than can be read is a policy error. */
static void
test_long(void **state)
{
	static char address[1600];
	static char nested[400];
	struct text text;

	(void)state;
	for (int n = 500; n < 1100; n += 7) {
		snprintf(address, sizeof address, "<boss+%0*d@bar.test>", n, 7);
		expect("rcpt_addr", address, TAG_TO, "reject");
	}
	text_init(&text, nested, sizeof nested);
	for (int i = 0; i < 30; i++)
		text_puts(&text, "bar.test!");
	text_puts(&text, "perm");
	expect("rcpt_addr", nested, TAG_TO, "tempfail 451");
	unit_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spellings),
		cmocka_unit_test(test_long),
	};

	return unit_main(tests);
}
