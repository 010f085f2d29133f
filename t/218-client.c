/* CLIENT and WHEN: whose line it is, and what happens when nobody can tell. */
#include <stdio.h>
#include <string.h>

#include "policy/rules/client.h"
#include "t/unit.h"

#define HERE "client_addr=192.0.2.7 "
#define NAMED HERE "client_name=Mail.Partner.example "
#define OK NAMED "client_resolve=OK"
#define WRONG "tempfail 451 4.7.1 wrong client: wanted "
#define FOUND ", found Mail.Partner.example [192.0.2.7]"
#define UNTOLD "tempfail 451 4.3.0 cannot tell whether TLS policy is met: "
#define PF "v=Postfix "

struct row {
	const char *requirement, *macros;
	const char *want; /* "accept", or the first line of the reply */
};

static const char *
first_line(const char *verdict)
{
	static char buf[1024];
	const char *end = strstr(verdict, " / ");

	snprintf(buf, sizeof buf, "%.*s", end == NULL ? (int)strlen(verdict) :
	    (int)(end - verdict), verdict);
	return buf;
}

static void
ask(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char rules[1024], name[1024];

		snprintf(rules, sizeof rules, "TLS_Clt: %s\n",
		    rows[i].requirement);
		snprintf(name, sizeof name, "%s <- %s", rows[i].requirement,
		    rows[i].macros);
		unit_same(name, rows[i].want, first_line(unit_judge(rules,
		    rows[i].macros, TAG_CLT, "", 0)));
	}
	unit_end();
}

static void
test_networks(void **state)
{
	static const struct row rows[] = {
		{ "ENCR:0+CLIENT:192.0.2.7", HERE, "accept" },
		{ "ENCR:0+CLIENT:192.0.2", HERE, "accept" },
		{ "ENCR:0+CLIENT:192.0.2.0/24", HERE, "accept" },
		{ "ENCR:0+CLIENT:0.0.0.0/0", HERE, "accept" },
		{ "ENCR:0+CLIENT:192.0.2.0/24", PF HERE, "accept" },
		{ "ENCR:0+CLIENT:::ffff:192.0.2.7", HERE, "accept" },
		{ "ENCR:0+CLIENT:192.0.2.7",
		    "client_addr=IPv6:0:0:0:0:0:FFFF:C000:207", "accept" },
		{ "ENCR:0+CLIENT:2001:db8::/32",
		    "client_addr=IPv6:2001:DB8:0:0:0:0:0:1", "accept" },
		{ "ENCR:0+CLIENT:IPv6:2001:db8",
		    "client_addr=2001:db8::1", "accept" },
		{ "ENCR:0+CLIENT:IPv6:2001:db8::1",
		    "client_addr=2001:db8::1", "accept" },
		{ "ENCR:0+CLIENT:192.0.2.8", OK,
		    WRONG "CLIENT:192.0.2.8" FOUND },
		{ "ENCR:0+CLIENT:192.0.2.0/29++CLIENT:10", OK, "accept" },
		{ "ENCR:0+CLIENT:10++CLIENT:192.0.2.8/29", OK,
		    WRONG "CLIENT:10 or CLIENT:192.0.2.8/29" FOUND },
		{ "ENCR:0+CLIENT:::/0", OK, WRONG "CLIENT:::/0" FOUND },
		/* Unknown clients: "cannot tell", never refused for good. */
		{ "PERM+ENCR:0+CLIENT:192.0.2.7", "client_name=x", UNTOLD
		    "wanted CLIENT:192.0.2.7, found x [none], and no macro "
		    "{client_addr}" },
		{ "PERM+ENCR:0+CLIENT:192.0.2.7", "client_addr=x", UNTOLD
		    "wanted CLIENT:192.0.2.7, found none [x]" },
		{ "PERM+ENCR:0+CLIENT:x.example++CLIENT:192.0.2.7",
		    "client_name=x", UNTOLD "wanted CLIENT:x.example or "
		    "CLIENT:192.0.2.7, found x [none], and no macro "
		    "{client_addr}" },
		{ "PERM+ENCR:0+CLIENT:192.0.2.8", OK, "reject 550 5.7.1 wrong "
		    "client: wanted CLIENT:192.0.2.8" FOUND },
		{ "HOLD+ENCR:0+CLIENT:192.0.2.8", OK, "hold wrong client: "
		    "wanted CLIENT:192.0.2.8" FOUND }
	};

	(void)state;
	ask(rows, UNIT_COUNT(rows));
}

static void
test_names(void **state)
{
	static const struct row rows[] = {
		{ "ENCR:0+CLIENT:mail.partner.example", OK, "accept" },
		{ "ENCR:0+CLIENT:mail.partner.example.", OK, "accept" },
		{ "ENCR:0+CLIENT:.partner.example", OK, "accept" },
		{ "ENCR:0+CLIENT:.PARTNER.Example", OK, "accept" },
		{ "ENCR:0+CLIENT:.example", OK, "accept" },
		{ "ENCR:0+CLIENT:.B\xc3\x9c" "CHER.example", HERE "client_name="
		    "mx.xn--bcher-kva.example client_resolve=OK", "accept" },
		{ "ENCR:0+CLIENT:mx\xe3\x80\x82" "bu\xcc\x88" "cher.example",
		    HERE "client_name=mx.XN--bcher-kva.example "
		    "client_resolve=OK", "accept" },
		{ "ENCR:0+CLIENT:mail.partner.example", PF NAMED, "accept" },
		/* CLIENT:name is that host alone, CLIENT:.name all below it. */
		{ "ENCR:0+CLIENT:partner.example", OK,
		    WRONG "CLIENT:partner.example" FOUND },
		{ "ENCR:0+CLIENT:.mail.partner.example", OK,
		    WRONG "CLIENT:.mail.partner.example" FOUND },
		{ "ENCR:0+CLIENT:.artner.example", OK,
		    WRONG "CLIENT:.artner.example" FOUND },
		{ "ENCR:0+CLIENT:mail.partner.example", HERE "client_name="
		    "mail.partner.example.evil.example client_resolve=OK",
		    WRONG "CLIENT:mail.partner.example, found "
		    "mail.partner.example.evil.example [192.0.2.7]" },
		{ "ENCR:0+CLIENT:.partner.example",
		    NAMED "client_resolve=FORGED",
		    WRONG "CLIENT:.partner.example" FOUND " (FORGED)" },
		{ "ENCR:0+CLIENT:.partner.example",
		    NAMED "client_resolve=FAIL",
		    WRONG "CLIENT:.partner.example" FOUND " (FAIL)" },
		{ "ENCR:0+CLIENT:.partner.example", HERE "client_name=["
		    "192.0.2.7] client_resolve=FAIL", WRONG
		    "CLIENT:.partner.example, found [192.0.2.7] (FAIL)" },
		{ "ENCR:0+CLIENT:.partner.example", PF HERE
		    "client_name=unknown", WRONG "CLIENT:.partner.example, "
		    "found [192.0.2.7]" },
		{ "ENCR:0+CLIENT:.partner.example++CLIENT:192.0.2.7", HERE
		    "client_name=[192.0.2.7] client_resolve=TEMP", "accept" },
		{ "PERM+ENCR:0+CLIENT:.partner.example", HERE "client_name=["
		    "192.0.2.7] client_resolve=TEMP", UNTOLD
		    "wanted CLIENT:.partner.example, found [192.0.2.7] "
		    "(TEMP)" },
		{ "PERM+ENCR:0+CLIENT:.partner.example",
		    NAMED "client_resolve=TEMP", UNTOLD
		    "wanted CLIENT:.partner.example" FOUND " (TEMP)" },
		{ "PERM+ENCR:0+CLIENT:.partner.example", NAMED, UNTOLD
		    "wanted CLIENT:.partner.example" FOUND ", and no macro "
		    "{client_resolve}" },
		{ "PERM+ENCR:0+CLIENT:.partner.example", HERE, UNTOLD
		    "wanted CLIENT:.partner.example, found none [192.0.2.7], "
		    "and no macro {client_name}" },
		{ "ENCR:0+CLIENT:other.example", NAMED,
		    WRONG "CLIENT:other.example" FOUND }
	};

	(void)state;
	ask(rows, UNIT_COUNT(rows));
}

static void
test_nameless_and_idn(void **state)
{
	static const struct row rows[] = {
		{ "ENCR:0+CLIENT:[192.0.2.0/24]", HERE "client_name=["
		    "192.0.2.7] client_resolve=FAIL", "accept" },
		{ "ENCR:0+CLIENT:[192.0.2.0/24]", PF HERE
		    "client_name=unknown", "accept" },
		{ "ENCR:0+CLIENT:[192.0.2.0/24]", OK,
		    WRONG "CLIENT:[192.0.2.0/24]" FOUND },
		{ "ENCR:0+CLIENT:[192.0.2.8]", HERE "client_name=[192.0.2.7] "
		    "client_resolve=FAIL", WRONG "CLIENT:[192.0.2.8], found "
		    "[192.0.2.7] (FAIL)" },
		{ "PERM+ENCR:0+CLIENT:[192.0.2.7]", HERE "client_name=["
		    "192.0.2.7] client_resolve=TEMP", UNTOLD
		    "wanted CLIENT:[192.0.2.7], found [192.0.2.7] (TEMP)" },
		{ "ENCR:0+CLIENT:xn--bcher-kva.example", HERE "client_name="
		    "xn--bcher-kva.example client_resolve=OK", "accept" },
		{ "ENCR:0+CLIENT:b\xc3\xbc" "cher.example", HERE
		    "client_name=XN--bcher-kva.example. client_resolve=OK",
		    "accept" },
		{ "ENCR:0+CLIENT:.b\xc3\xbc" "cher.example", HERE
		    "client_name=mx.xn--bcher-kva.example client_resolve=OK",
		    "accept" },
		/* Local submission has no client, and is exempt. */
		{ "ENCR:0+CLIENT:127.0.0.1", "v=8.17.1 client_addr=0", WRONG
		    "CLIENT:127.0.0.1, found none [0]" }
	};

	(void)state;
	ask(rows, UNIT_COUNT(rows));
}

#define SCANNER "TLS_From:partner.example ENCR:0+WHEN:192.0.2.7++BY:scan\n"    \
	"TLS_From:partner.example PERM+ENCR:128\n"
#define FROM " mail_addr=<a@partner.example> mail_resolved=a@partner.example"
#define NEEDS "reject 550 5.7.10 encryption required: wanted at least 128 "   \
	"bits, found a session in clear"
#define LOST UNTOLD "wanted what the MTA tells of the session, found "

static void
test_when(void **state)
{
	static const char *const rows[][3] = {
		{ SCANNER, OK FROM, "accept" },
		{ SCANNER, PF HERE FROM, "accept" },
		{ SCANNER, "client_addr=192.0.2.8" FROM, NEEDS },
		/* Without the client's address no exception lets anybody in. */
		{ SCANNER, "client_name=x" FROM, LOST
		    "no macro {client_addr}" },
		{ SCANNER, "client_name=x cipher_bits=256" FROM, LOST
		    "no macro {client_addr}" },
		{ "TLS_From:partner.example ENCR:0+WHEN:.partner.example\n"
		    "TLS_From:partner.example PERM+ENCR:128\n",
		    NAMED "client_resolve=FORGED" FROM, NEEDS },
		{ "TLS_From:partner.example ENCR:0+WHEN:.partner.example\n"
		    "TLS_From:partner.example PERM+ENCR:128\n",
		    HERE "client_name=[192.0.2.7] client_resolve=TEMP" FROM,
		    LOST "{client_resolve} TEMP" },
		/* Nor is a line that asks for more passed over. */
		{ "TLS_From:partner.example PERM+ENCR:128+WHEN:192.0.2.7\n"
		    "TLS_From:partner.example OK\n", "client_name=x" FROM,
		    LOST "no macro {client_addr}" },
		/* The first line that counts decides, by any of its WHENs. */
		{ "TLS_From:partner.example PERM+ENCR:128+WHEN:192.0.2\n"
		    "TLS_From:partner.example ENCR:0+WHEN:192.0.2.7\n",
		    HERE FROM, NEEDS },
		{ "TLS_From:partner.example ENCR:0+WHEN:192.0.2.7\n"
		    "TLS_From:partner.example PERM+ENCR:128+WHEN:192.0.2\n",
		    HERE FROM, "accept" },
		{ "TLS_From:partner.example ENCR:0+WHEN:10++WHEN:192.0.2.7\n"
		    "TLS_From:partner.example PERM+ENCR:128\n", HERE FROM,
		    "accept" },
		{ "TLS_From:partner.example ENCR:0+WHEN:.x.example++"
		    "WHEN:192.0.2.7\nTLS_From:partner.example PERM+ENCR:128\n",
		    HERE FROM, "accept" },
		/* No line counts: the search goes on to the next key. */
		{ "TLS_From:partner.example OK\nTLS_From:a@partner.example "
		    "PERM+ENCR:128+WHEN:192.0.2.8\n", HERE FROM, "accept" },
		{ "TLS_From: PERM+ENCR:128\nTLS_From:partner.example "
		    "ENCR:0+WHEN:192.0.2.8\n", HERE FROM, NEEDS },
		/* Outside its dates a line is passed over for any client. */
		{ "TLS_From:partner.example ENCR:0+WHEN:192.0.2.7++"
		    "UNTIL:1970-01-01\nTLS_From:partner.example "
		    "PERM+ENCR:128\n", HERE FROM, NEEDS },
		{ "TLS_From:partner.example ENCR:0+WHEN:192.0.2.7++"
		    "UNTIL:1970-01-01\nTLS_From:partner.example "
		    "PERM+ENCR:128\n", "client_name=x" FROM, NEEDS }
	};

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		char name[512];

		snprintf(name, sizeof name, "%s <- %s", rows[i][0],
		    rows[i][1]);
		unit_same(name, rows[i][2], first_line(unit_judge(rows[i][0],
		    rows[i][1], TAG_FROM, "", (int64_t)2 * 86400)));
	}
	unit_end();
}

/* on-error = accept lets in what cannot be told, and nothing else. */
static void
test_on_error(void **state)
{
	(void)state;
	unit_same("unknown", "accept | on-error: " LOST
	    "no macro {client_addr}", unit_judge(SCANNER, "client_name=x"
	    FROM, TAG_FROM, "accept", 0));
	unit_same("another client", NEEDS, first_line(unit_judge(SCANNER,
	    "client_addr=192.0.2.8" FROM, TAG_FROM, "accept", 0)));
	unit_end();
}

/*
 * With any macros left out the verdict is never milder than with all of them.
 */
static void
test_nothing_frees(void **state)
{
	static const char *const parts[] = { " client_name=evil.example",
		" client_addr=203.0.113.9", " client_resolve=FORGED" };
	static const char *const rules[] = { SCANNER,
		"TLS_From:partner.example PERM+ENCR:0+CLIENT:192.0.2.7\n",
		"TLS_From:partner.example PERM+ENCR:0+CLIENT:.p.example\n",
		("TLS_From:partner.example ENCR:0+WHEN:.p.example\n"
		    "TLS_From:partner.example PERM+ENCR:128\n") };

	(void)state;
	for (size_t r = 0; r < UNIT_COUNT(rules); r++)
		for (unsigned set = 0; set < 8; set++) {
			char macros[256] = FROM;
			const char *got;

			for (unsigned i = 0; i < UNIT_COUNT(parts); i++)
				if ((set >> i & 1) != 0)
					strcat(macros, parts[i]);
			got = unit_judge(rules[r], macros, TAG_FROM, "", 0);
			if (strncmp(got, "accept", 6) == 0)
				unit_same(macros, "not accepted", rules[r]);
		}
	unit_end();
}

static void
test_compared(void **state)
{
	static const struct {
		const char *a, *b;
		bool covers, excludes;
	} rows[] = {
		{ "192.0.2", "192.0.2.7", true, false },
		{ "192.0.2.7", "192.0.2.0/24", false, false },
		{ "192.0.2.7", "192.0.2.8", false, true },
		{ "192.0.2.7", "2001:db8::1", false, true },
		{ "0.0.0.0/0", "[192.0.2.7]", true, false },
		{ "[192.0.2]", "192.0.2.7", false, false },
		{ "[192.0.2]", "[192.0.2.7]", true, false },
		{ "192.0.2.7", ".example", false, false },
		{ "[192.0.2.7]", ".example", false, true },
		{ ".example", "a.example", true, false },
		{ ".example", ".a.EXAMPLE", true, false },
		{ ".a.example", ".example", false, false },
		{ ".example", "example", false, true },
		{ "a.example", "A.example.", true, false },
		{ "a.example", "b.example", false, true }
	};

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		struct slice a = slice_of(rows[i].a), b = slice_of(rows[i].b);

		unit_number(rows[i].b, rows[i].covers, client_covers(a, b));
		unit_number(rows[i].b, rows[i].excludes,
		    client_excludes(a, b));
		unit_number(rows[i].a, rows[i].excludes,
		    client_excludes(b, a));
	}
	unit_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_networks),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_nameless_and_idn),
		cmocka_unit_test(test_when),
		cmocka_unit_test(test_on_error),
		cmocka_unit_test(test_nothing_frees),
		cmocka_unit_test(test_compared)
	};

	return unit_main(tests);
}
