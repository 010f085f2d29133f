/* From fields: every form of RFC 5322, and what is in none of them. */
#include <stdio.h>
#include <string.h>

#include "policy/facts/fromfield.h"
#include "t/unit.h"

/*
 * What is read: the mailboxes with | behind each, a blank, and the word of the
 * flaw.
 */
static const char *
reading(struct slice fields)
{
	static char memory[FROMFIELD_ROOM * (FROMFIELD_BYTES_MAX + 2)];
	static char shown[sizeof memory + 40];
	enum fromfield_flaw flaw;
	struct text out;

	text_init(&out, memory, FROMFIELD_ROOM * (fields.n + 1));
	flaw = fromfield_read(fields, &out);
	unit_number("cut", 0, out.cut);
	snprintf(shown, sizeof shown, "%s%s%s", memory,
	    flaw == FROMFIELD_FINE ? "" : " ", fromfield_word(flaw));
	for (char *p = shown; (p = strchr(p, '\n')) != NULL;)
		*p = '|';
	return shown;
}

struct row {
	const char *fields, *want;
};

static void
look(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		unit_same(rows[i].fields, rows[i].want,
		    reading(slice_of(rows[i].fields)));
	unit_end();
}

static void
test_grammar(void **state)
{
	static const struct row rows[] = {
		{ "a@b.test", "a@b.test|" },
		{ "Joe <a@b.test>", "a@b.test|" },
		{ "<a@b.test>", "a@b.test|" },
		{ "  Joe Q. Public\t<a@b.test>  ", "a@b.test|" },
		{ "\"Joe \\\"J\\\" <x@evil.test>\" <a@b.test>", "a@b.test|" },
		{ "Joe (x@evil.test (nested \\) )) <a@b.test>", "a@b.test|" },
		{ "a(c)@(c)b.test(c)", "a@b.test|" },
		{ "Joe\r\n <a@b.test>", "a@b.test|" },
		{ "Joe\n\t<a@b.test>", "a@b.test|" },
		{ "a . b @ c . test", "a.b@c.test|" },
		{ "\"a b\"@c.test", "\"a b\"@c.test|" },
		{ "\"a@b.test\"@c.test", "\"a@b.test\"@c.test|" },
		{ "\"a\".b@c.test", "\"a\".b@c.test|" },
		{ "a@[192.0.2.1]", "a@[192.0.2.1]|" },
		{ "a@[IPv6:2001:db8::1]", "a@[IPv6:2001:db8::1]|" },
		{ "<@x.test,@y.test:a@b.test>", "a@b.test|" },
		{ "<@x.test , , @y.test : a@b.test>", "a@b.test|" },
		{ "< ,(c), @x.test,@[192.0.2.1],: a@b.test>", "a@b.test|" },
		{ "a@[b\\[c]", "a@[b\\[c]|" },
		{ "a@b.test, Joe <c@d.test>", "a@b.test|c@d.test|" },
		{ ",, a@b.test, ,c@d.test,", "a@b.test|c@d.test|" },
		{ "us: a@b.test, Joe <c@d.test>;", "a@b.test|c@d.test|" },
		{ "us: a@b.test; , c@d.test", "a@b.test|c@d.test|" },
		{ "\"a: b\": a@b.test;", "a@b.test|" },
		{ "=?utf-8?q?J=C3=B6rg?= <a@b.test>", "a@b.test|" },
		{ "=?utf-8?q?J._M.?= =?utf-8?b?w7Y=?= <a@b.test>",
		    "a@b.test|" },
		{ "=?utf-8?q?J?=<a@b.test>", "a@b.test|" },
		{ "J\xc3\xb6rg <j\xc3\xb6@b\xc3\xbc.test>",
		    "j\xc3\xb6@b\xc3\xbc.test|" },
		{ "a@b.test.", "a@b.test.|" },
		{ "a..b@c.test", "a..b@c.test|" },
		{ "b.test!a", "b.test!a|" },
		{ "a%c.test@b.test", "a%c.test@b.test|" },
		{ "root", "root|" },
		{ "Cron Daemon", "Cron.Daemon|" },
		{ "[Sales] Joe <a@b.test>", "a@b.test|" },
		/* Out of the grammar, but read in one way only. */
		{ "a@b.test <a@b.test>", "a@b.test|" },
		{ "ceo@bank.test <a@b.test>", "ceo@bank.test|a@b.test|" },
		{ "Foo, Inc <a@b.test>", "Foo|a@b.test|" },
		{ "A@B.test, a@b.test, A@B.test", "A@B.test|a@b.test|" },
	};

	(void)state;
	look(rows, UNIT_COUNT(rows));
}

/* More than one field, as the MTA passes them. */
static void
test_fields(void **state)
{
	static const struct row rows[] = {
		{ "a@b.test\nc@d.test", "a@b.test|c@d.test|" },
		{ "a@b.test\n c@d.test", "a@b.test|a@b.testc|c@d.test| "
		    "grammar" },
		{ "a@b.test\r\nc@d.test\r\n", "a@b.test|c@d.test|" },
		{ "\"open\nc@d.test", "c@d.test| unclosed" },
		{ "us: a@b.test\nc@d.test", "a@b.test|c@d.test| unclosed" },
		{ "a@b.test\n\nc@d.test", "a@b.test|c@d.test|" },
		{ "\n\n", " no-mailbox" },
	};

	(void)state;
	look(rows, UNIT_COUNT(rows));
}

/* Fields with a flaw: every mailbox that some reader could find counts. */
static void
test_flaws(void **state)
{
	static const struct row rows[] = {
		{ "", " no-mailbox" },
		{ " \t ", " no-mailbox" },
		{ "(only a comment)", " no-mailbox" },
		{ "Undisclosed:;", " no-mailbox" },
		{ "<>", " grammar" },
		{ "Joe <>", " grammar" },
		{ "<a@b.test> <c@d.test>", "a@b.test|c@d.test| grammar" },
		{ "<a@b.test> Joe", "a@b.test| grammar" },
		{ "<a@b.test", "a@b.test| unclosed" },
		{ "a@b.test>", "a@b.test| grammar" },
		{ "<<a@b.test>>", "a@b.test| grammar" },
		{ "x <a@b.test,c@d.test>", "a@b.test|c@d.test| grammar" },
		{ "\"Joe <ceo@bank.test>", "ceo@bank.test| unclosed" },
		{ "(Joe <ceo@bank.test>", "ceo@bank.test| unclosed" },
		{ "a@[ceo@bank.test", "a@ceo|ceo@bank.test| unclosed" },
		{ "ceo@bank.test evil@x.test",
		    "ceo@bank.test|ceo@bank.testevil|evil@x.test| grammar" },
		{ "ceo@bank.test@x.test", "ceo@bank.test|bank.test@x.test| "
		    "grammar" },
		{ "mail ceo@bank.test now <a@b.test>",
		    "a@b.test|ceo@bank.test|ceo@bank.testnow| grammar" },
		{ "ceo@bank.test: a@b.test;",
		    "a@b.test|ceo@bank.test| grammar" },
		{ "us: them: a@b.test;;", "a@b.test| grammar" },
		{ ": a@b.test;", "a@b.test| grammar" },
		{ "a@b.test;", "a@b.test| grammar" },
		{ "@x.test:a@b.test", "a@b.test|\"\"@x.test| grammar" },
		{ "a@", " grammar" },
		{ "@b.test", "\"\"@b.test| grammar" },
		{ "a@b..test", "a@b..test| grammar" },
		{ "a@.test", "a@.test| grammar" },
		{ "a@\"b.test\"", " grammar" },
		{ "a@[192.0.2.1].test", "a@[192.0.2.1]|a@192.0.2.1.test| "
		    "grammar" },
		{ "[ <ceo@bank.test> ] <a@b.test>",
		    "a@b.test|ceo@bank.test| grammar" },
		{ "Joe \\< <a@b.test>", "a@b.test| grammar" },
		/* An open bracket: other readers go on behind it. */
		{ "a@[<ceo@bank.test> [x]",
		    "a@[<ceo@bank.test> [x]|ceo@bank.test| grammar" },
		/* Addresses that look like a source route. */
		{ "<.@ceo.test:a@b.test>", ".@ceo.test|a@b.test| grammar" },
		{ "<,:a@b.test>", "a@b.test| grammar" },
		{ "<@x.test.:a@b.test>", "\"\"@x.test.|a@b.test| grammar" },
		{ "<@x.test y.test:a@b.test>",
		    "\"\"@x.test|\"\"@x.testy.test|a@b.test| grammar" },
		{ "<@x.test:@y.test:a@b.test>",
		    "\"\"@x.test|\"\"@y.test|a@b.test| grammar" },
		{ "<@:a@b.test>", "a@b.test| grammar" },
		{ "<,x@y.test,@z.test:a@b.test>",
		    "x@y.test|\"\"@z.test|a@b.test| grammar" },
		{ "<@x.test[192.0.2.1]:a@b.test>",
		    "\"\"@x.test|\"\"@x.test192.0.2.1|a@b.test| grammar" },
	};

	(void)state;
	look(rows, UNIT_COUNT(rows));
}

static void
test_bytes(void **state)
{
	static const struct row rows[] = {
		/* Decoded, this is an address. */
		{ "=?utf-8?q?ceo=40bank.test?=", " encoded-address" },
		{ "<=?utf-8?q?ceo=40bank.test?=>", " encoded-address" },
		{ "=?utf-8?q?ceo?=@bank.test",
		    "=?utf-8?q?ceo?=@bank.test| encoded-address" },
		/* A quote in an encoded word hides nothing. */
		{ "=?utf-8?q?\"?= <ceo@bank.test> =?utf-8?q?\"?= <a@b.test>",
		    "a@b.test|ceo@bank.test| encoded-address" },
		{ "=?utf-8?q?(?= <ceo@bank.test> =?utf-8?q?)?= <a@b.test>",
		    "a@b.test|ceo@bank.test| encoded-address" },
		/*
		 * Shift_JIS: the byte of a backslash may be half of a letter.
		 */
		{ "\"\x83\\\" <ceo@bank.test> \"x\" <a@b.test>\"",
		    "ceo@bank.test|a@b.test| bytes" },
		{ "J\xf6rg <a@b.test>", "a@b.test| bytes" },
		{ "a\x01@b.test", "a@b.test| bytes" },
		{ "a@b.test\rc@d.test", "a@b.test|a@b.testc|c@d.test| "
		    "bytes" },
		{ "\x1b$B <a@b.test>", "a@b.test| bytes" },
	};

	(void)state;
	look(rows, UNIT_COUNT(rows));
}

/*
 * Whatever a reader leaves out or joins around the domain, the domain counts.
 */
static void
test_around(void **state)
{
	static const struct row rows[] = {
		{ "\"ceo\"@bank.test>", "\"ceo\"@bank.test| grammar" },
		{ "\"c d\" (x) @ bank.test>",
		    "\"c d\"@bank.test| grammar" },
		{ "ceo (y(z)) @ (x) bank . test>",
		    "ceo@bank.test| grammar" },
		{ "\"c\r\n \xb9\x01" "d\"@bank.test>", "\"c d\"@bank.test| bytes" },
		{ "\"ceo\"@@bank.test", "\"\"@bank.test| grammar" },
		{ "ceo>@bank.test", "ceo@bank.test| grammar" },
		{ "\"ceo@bank.test", "ceo@bank.test| unclosed" },
		{ "ceo@ba nk.test>", "ceo@ba|ceo@bank.test| grammar" },
		{ "ceo@ba\\nk.test", "ceo@ba|ceo@bank.test| grammar" },
		{ "ceo@ba\rnk.test", "ceo@ba|ceo@bank.test| bytes" },
		{ "ceo@bank.te\xffst", "ceo@bank.test| bytes" },
		{ "c\xff" "eo@bank.test", "ceo@bank.test| bytes" },
		{ "ceo@ba\xc2\xa0nk.test",
		    "ceo@ba\xc2\xa0nk.test|ceo@bank.test| bytes" },
		{ "ceo@ba\xe3\x80\x80nk.test",
		    "ceo@ba\xe3\x80\x80nk.test|ceo@bank.test| bytes" },
		{ "ceo x@[192.0.2.1]", "x@[192.0.2.1]|x@192.0.2.1| grammar" },
		{ "a@[192.0.2.1", "a@192.0.2.1| unclosed" },
		/* Some readers take a quoted string for an address. */
		{ "\"ceo@bank.test\" Joe", "ceo@bank.test| grammar" },
		{ "\"ceo@bank.test\" [Sales] <a@b.test>",
		    "a@b.test|ceo@bank.test| grammar" },
		{ "\"ceo@bank.test\" <a@b.test>", "a@b.test|" },
	};

	(void)state;
	look(rows, UNIT_COUNT(rows));
}

static void
test_nul(void **state)
{
	(void)state;
	unit_same("NUL", "ceo@bank.test|x@good.test| bytes",
	    reading(slice_make("x@good.test\0, ceo@bank.test", 27)));
	unit_same("NUL in a name", "a@b.test| bytes",
	    reading(slice_make("J\0 <a@b.test>", 13)));
	unit_end();
}

/* A field at the limit is read whole; a longer one has a flaw that says so. */
static void
test_limits(void **state)
{
	static char fields[FROMFIELD_BYTES_MAX + 2];
	static char want[sizeof fields];
	struct text in, out;

	(void)state;
	for (int n = FROMFIELD_MAILBOXES_MAX; n < FROMFIELD_MAILBOXES_MAX + 2;
	    n++) {
		text_init(&in, fields, sizeof fields);
		text_init(&out, want, sizeof want);
		for (int i = 0; i < n; i++) {
			text_printf(&in, "u%d@b.test,", i);
			if (i < FROMFIELD_MAILBOXES_MAX)
				text_printf(&out, "u%d@b.test|", i);
		}
		if (n > FROMFIELD_MAILBOXES_MAX)
			text_puts(&out, " too-many");
		unit_number("room", 0, in.cut || out.cut);
		unit_same("mailboxes", want, reading(slice_make(in.buf, in.n)));
	}
	text_init(&in, fields, sizeof fields);
	text_puts(&in, "a@b.test");
	while (in.n < FROMFIELD_BYTES_MAX)
		text_char(&in, ' ');
	unit_same("bytes", "a@b.test|", reading(slice_make(in.buf, in.n)));
	text_char(&in, ' ');
	unit_same("a byte more", " too-long",
	    reading(slice_make(in.buf, in.n)));
	unit_end();
}

/* A too long address is not cut to a shorter one. */
static void
test_long_address(void **state)
{
	static char field[8192];
	struct text in;

	(void)state;
	text_init(&in, field, sizeof field);
	while (in.n < 5000)
		text_char(&in, 'a');
	text_puts(&in, "@b.test");
	unit_number("flaw", 1, strstr(reading(slice_make(in.buf, in.n)),
	    " too-long") != NULL);
	unit_end();
}

/* Deep nesting takes no stack, and many quotes no time. */
static void
test_deep(void **state)
{
	static char field[FROMFIELD_BYTES_MAX];

	(void)state;
	memset(field, '(', sizeof field);
	unit_same("comments", " unclosed",
	    reading(slice_make(field, sizeof field)));
	memset(field, '<', sizeof field);
	unit_number("angles", 1, strstr(reading(slice_make(field,
	    sizeof field)), " grammar") != NULL ||
	    strstr(reading(slice_make(field, sizeof field)),
	    " unclosed") != NULL || strstr(reading(slice_make(field,
	    sizeof field)), " too-long") != NULL);
	for (size_t i = 0; i < sizeof field; i++)
		field[i] = i % 2 == 0 ? 'a' : '@';
	unit_number("ats", 1, strlen(reading(slice_make(field,
	    sizeof field))) > 0);
	unit_end();
}

static void
test_words(void **state)
{
	enum fromfield_flaw flaw;

	(void)state;
	for (int i = FROMFIELD_ABSENT; i < FROMFIELD_FLAWS; i++) {
		const char *word = fromfield_word((enum fromfield_flaw)i);

		unit_number(word, 1, fromfield_by_word(slice_of(word), &flaw));
		unit_number(word, i, flaw);
		unit_number(word, 1,
		    fromfield_text((enum fromfield_flaw)i)[0] != '\0');
	}
	unit_number("no word", 0, fromfield_by_word(slice_of("fine"), &flaw));
	unit_number("empty", 0, fromfield_by_word(slice_of(""), &flaw));
	unit_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_grammar),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_flaws),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_around),
		cmocka_unit_test(test_nul),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_long_address),
		cmocka_unit_test(test_deep),
		cmocka_unit_test(test_words),
	};

	return unit_main(tests);
}
