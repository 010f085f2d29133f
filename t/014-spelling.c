/* Every mailbox that an address can stand for, as two MTAs were seen to read. */
#include <stdio.h>
#include <string.h>

#include "policy/facts/spelling.h"
#include "t/unit.h"

#define LOCAL "mx.bar.test, bar.test"

static void
join(const struct spellings *s, struct text *out)
{
	for (unsigned i = 0; i < s->n; i++) {
		const struct mailbox *m = &s->form[i];

		text_puts(out, i > 0 ? " " : "");
		text_put(out, m->null_sender ? slice_of("<>") : m->local);
		if (m->domain.n > 0) {
			text_char(out, '@');
			text_put(out, m->domain);
		}
	}
	text_puts(out, s->beyond ? " ..." : "");
}

static bool
holds(const char *forms, const char *wanted)
{
	struct slice rest = slice_of(forms), form;

	while (slice_next(&rest, ' ', &form))
		if (slice_is(form, wanted))
			return true;
	return false;
}

static void
find(const char *typed, const char *resolved, struct spellings *s,
    struct text *out)
{
	spellings_find(slice_of(typed), slice_of(resolved), slice_of(LOCAL),
	    slice_of("mx.bar.test"), s);
	join(s, out);
}

/* The mailbox both MTAs, or one of them, act on is among the forms. */
static void
test_among(void **state)
{
	static const struct {
		const char *mailbox, *typed[40];
	} rows[] = {
		{ "a@perm.test", { "a@perm.test", "<a@perm.test>",
		    "<perm.test!a>", "<a%perm.test>", "<\"a\"%perm.test>",
		    "<a@perm.test(c)>", "<a@(c)perm.test>",
		    "<x <a@perm.test>>", "<<a@perm.test>>",
		    "<@bar.test:a%perm.test>",
		    "<@bar.test,@c.test:a@perm.test>",
		    "<a%perm.test@bar.test>", "<perm.test!a@bar.test>",
		    "<\"a@perm.test\"@bar.test>", "<\"a%perm.test\"@bar.test>",
		    "<\"perm.test!a\"@bar.test>", "<a%perm.test@localhost>",
		    "<a%perm.test@[127.0.0.1]>", "<a%perm.test@mx>",
		    "<\"a@perm.test\">", "<\"a%perm.test\">",
		    "<a\\@perm.test>", "<a\\%perm.test>", "<a@PERM.test>",
		    "<a%perm.test%bar.test>", "<bar.test!perm.test!a>",
		    "<a@perm.test..>", "<a @ perm . test>",
		    "<a@\"perm.test\">", "<a@pe\"rm\".test>",
		    "<a@perm\\.test>", "<\\a@perm.test>", "<g:a@perm.test;>",
		    "<a@perm.test><b@x.test>", "<b@x.test><a@perm.test>",
		    "<a@perm.test(c>", "<a(x(y)z)@perm.test>",
		    "<a(x\\)y)@perm.test>",
		    "<a@perm.test(c);<@>>", "<a@perm.test <@>>" } },
		{ "perm@bar.test", { "<perm>", "<\"perm\">", "<bar.test!perm>",
		    "<perm%bar.test>", "<@bar.test:perm>",
		    "<perm(c)@bar.test>", "<perm @bar.test>",
		    "<Joe <perm@bar.test>>", "<perm%bar.test@bar.test>",
		    "<perm@localhost>", "<perm@[127.0.0.1]>", "<perm@mx>",
		    "<perm@[IPv6:::1]>", "perm", "<PERM>", "<perm@>",
		    "<@a.test,@b.test:perm>", "<(c)perm>" } },
		{ "<>", { "<>", "", "< >", "<(c)>", "<\"\">", "<@a:>" } },
		{ "a.b@perm.test", { "<a b@perm.test>", "<a.b%perm.test>" } },
		{ "a@x@perm.test", { "<a@x@perm.test>" } },
		{ "a%perm.test@b.test", { "<b.test!a%perm.test>" } },
		{ "b.test!a@perm.test", { "<b.test!a%perm.test>" } },
		{ "a@perm", { "<perm!a>" } },
		{ "perm!a@mx.bar.test", { "<perm!a>" } }
	};

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(rows); i++)
		for (size_t k = 0; k < UNIT_COUNT(rows[i].typed) &&
		    rows[i].typed[k] != NULL; k++) {
			static struct spellings s;
			char buf[8192];
			struct text out;

			text_init(&out, buf, sizeof buf);
			find(rows[i].typed[k], "", &s, &out);
			if (!holds(buf, rows[i].mailbox))
				unit_same(rows[i].typed[k], rows[i].mailbox,
				    buf);
		}
	unit_end();
}

/* No more forms than there are readings. */
static void
test_exactly(void **state)
{
	static const struct {
		const char *typed, *resolved, *forms;
	} rows[] = {
		{ "<a@perm.test>", "", "a@perm.test" },
		{ "<a@perm.test>", "a@perm.test", "a@perm.test" },
		{ "<a@perm.test>", "A@PERM.test", "a@perm.test" },
		{ "<perm@bar.test>", "perm", "perm@bar.test" },
		{ "<perm@other.test>", "perm",
		    "perm@other.test perm@mx.bar.test perm@bar.test" },
		{ "<perm@mx.bar.test>", "perm",
		    "perm@mx.bar.test perm@bar.test" },
		{ "<perm@mx.bar.test>", "perm@mx.bar.test",
		    "perm@mx.bar.test perm@bar.test" },
		{ "<perm@other.test>", "boss",
		    "perm@other.test boss@mx.bar.test boss@bar.test" },
		{ "<perm>", "perm@bar.test", "perm@mx.bar.test perm@bar.test" },
		{ "<a@x.test>", "a@perm.test", "a@x.test a@perm.test" },
		{ "<a%perm.test@x.test>", "", "a%perm.test@x.test" },
		{ "<>", "", "<>" }, { "<(c)>", "", "<>" },
		{ "<x@[192.0.2.1]>", "",
		    "x@[192.0.2.1] x@mx.bar.test x@bar.test" },
		{ "<\"a b\"@x.test>", "", "a b@x.test" },
		{ "<\"a@perm.test\" <b@x.test>>", "", "b@x.test" },
		{ "<\"a@b\"@x.test>", "", "a@b@x.test" }
	};

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		static struct spellings s;
		char buf[8192];
		struct text out;

		text_init(&out, buf, sizeof buf);
		find(rows[i].typed, rows[i].resolved, &s, &out);
		unit_same(rows[i].typed, rows[i].forms, buf);
	}
	unit_end();
}

static void
test_hostile(void **state)
{
	static const char *const pieces[] = { "a!", "%a", "\"", "\\", "(", ")",
		"<", ">", "@bar.test", "bar.test!", "%bar.test", "@", "[", ":",
		";", " ", ".", ",", "\\\"", "@bar.test:", "\"\\\"", "a:" };
	static char address[2 * SPELLING_ADDRESS_MAX];
	static struct spellings s;
	static char buf[SPELLINGS_MAX * 2048];
	struct text in, out;

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(pieces); i++)
		for (unsigned n = 1; n < 6000; n = n * 3 + 1) {
			text_init(&in, address, sizeof address);
			for (unsigned k = 0; k < n; k++)
				text_puts(&in, pieces[i]);
			text_puts(&in, "a%perm.test");
			text_init(&out, buf, sizeof buf);
			find(address, address, &s, &out);
			assert_in_range(s.n, 1, SPELLINGS_MAX);
			if (in.n > SPELLING_ADDRESS_MAX)
				assert_true(s.beyond);
		}
	text_init(&out, buf, sizeof buf);
	text_init(&in, address, sizeof address);
	for (int k = 0; k < 40; k++)
		text_puts(&in, "bar.test!");
	text_puts(&in, "perm.test!a");
	find(address, "", &s, &out);
	assert_true(s.beyond);
}

static void
test_local_domains(void **state)
{
	static const struct {
		const char *macros, *setting, *want;
	} rows[] = {
		{ "v=x j=mx.bar.test", "", "mx.bar.test bar.test" },
		{ "v=x j=bar.test", "", "bar.test" },
		{ "v=x j=mx", "", "mx" },
		{ "v=x j=mx.bar.test", "a.test, b.test", "a.test, b.test" }
	};

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		char buf[512];
		struct text out;
		struct facts facts;

		unit_facts(&facts, rows[i].macros);
		text_init(&out, buf, sizeof buf);
		spelling_local_domains(&facts, rows[i].setting, &out);
		unit_same(rows[i].macros, rows[i].want, buf);
		facts_free(&facts);
	}
	unit_end();
}

/* Local domains are told as A-labels, addresses typed in any way. */
static void
test_beyond_ascii(void **state)
{
	static const struct {
		const char *mailbox, *typed;
	} rows[] = {
		{ "perm@xn--bcher-kva.test", "<perm@B\xc3\x9c" "CHER.test>" },
		{ "perm@xn--bcher-kva.test", "<b\xc3\xbc" "cher.test!perm>" },
		{ "perm@xn--bcher-kva.test", "<perm%b\xc3\xbc"
		    "cher.test@B\xc3\x9c" "CHER\xe3\x80\x82test>" },
		{ "perm@xn--bcher-kva.test", "<perm%bu\xcc\x88"
		    "cher.test@bar\xef\xbc\x8etest>" },
		{ "perm@xn--bcher-kva.test", "<\"perm@b\xc3\xbc"
		    "cher.test\"@xn--bcher-kva.test>" },
		{ "perm@bar.test", "<perm@\xef\xbd\x8c" "ocalhost>" },
		{ "perm@bar.test", "<perm@\xef\xbd\x8d" "x>" },
		{ "j\xc3\xbcrgen@bar.test", "<J\xc3\x9cRGEN>" },
		{ "j\xc3\xbcrgen@bar.test", "<\"JU\xcc\x88rgen\"@bar.test>" },
		{ "j\xc3\xbcrgen@bar.test", "<J\xc3\x9cRGEN%bar.test@"
		    "B\xc3\x9c" "CHER.test>" }
	};

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		static struct spellings s;
		char buf[8192];
		struct text out;

		text_init(&out, buf, sizeof buf);
		spellings_find(slice_of(rows[i].typed), slice_make("", 0),
		    slice_of(LOCAL " xn--bcher-kva.test"),
		    slice_of("mx.bar.test"), &s);
		join(&s, &out);
		if (!holds(buf, rows[i].mailbox))
			unit_same(rows[i].typed, rows[i].mailbox, buf);
	}
	unit_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_among),
		cmocka_unit_test(test_beyond_ascii),
		cmocka_unit_test(test_exactly),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_local_domains),
	};

	return unit_main(tests);
}
