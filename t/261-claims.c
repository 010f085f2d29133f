/* Claims as text: what is understood, and what is said of the rest. */
#include <stdio.h>
#include <string.h>

#include "policy/prove/claims.h"
#include "policy/prove/threshold.h"
#include "t/unit.h"

enum { TODAY = 20786 }; /* 2026-11-29 */

static void
put_claim(const struct claim *c, struct text *out)
{
	for (int tag = 0; tag < CLAIM_TAGS; tag++)
		if (c->who[tag].given) {
			key_print(&c->who[tag].key, out);
			text_char(out, ' ');
		}
	if (c->without_auth)
		text_puts(out, "noauth ");
	if (c->not_exempt)
		text_puts(out, "noexempt ");
	if (c->one_mta)
		text_printf(out, "mta%d ", (int)c->mta);
	for (unsigned i = 0; i < c->nconditions; i++)
		text_printf(out, "%s%d:%u ", c->condition[i].not ? "!" : "",
		    (int)c->condition[i].weakness, c->condition[i].number);
	text_printf(out, "%d..%d bad%u", (int)c->first - TODAY,
	    c->last == INT32_MAX ? -1 : (int)c->last - TODAY, c->bad);
}

static void
test_good(void **state)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "from bank.example in clear is never accepted",
		    "TLS_From:bank.example 0:0 0..-1 bad1" },
		{ "MAIL From Bank.Example IN CLEAR Never Accepted",
		    "TLS_From:bank.example 0:0 0..-1 bad1" },
		{ "mail in clear is never accepted", "0:0 0..-1 bad1" },
		{ "never held", "0..-1 bad2" },
		{ "to payroll@example.org always verified",
		    "TLS_To:payroll@example.org 1:0 0..-1 bad1" },
		{ "to payroll@ is always encrypted",
		    "TLS_To:payroll@ 0:0 0..-1 bad1" },
		{ "to x.example always encrypted 128",
		    "TLS_To:x.example 2:128 0..-1 bad1" },
		{ "client 192.0.2.0/24 is never refused",
		    "TLS_Clt:192.0.2.0/24 0..-1 bad4" },
		{ "client .a.example and daemon 587 and auth joe is always "
		    "accepted", "TLS_Daemon:587 TLS_Clt:.a.example "
		    "TLS_Auth:joe 0..-1 bad6" },
		{ "from <> are always held", "TLS_From:<> 0..-1 bad5" },
		{ "from a+b@c.example always refused",
		    "TLS_From:a+b@c.example 0..-1 bad3" },
		{ "client IPv6:2001:db8::1 bits below 128 below TLS 1.2 without "
		    "PFS without AEAD anonymous never accepted",
		    "TLS_Clt:2001:db8::1 2:128 3:4 4:0 5:0 6:0 0..-1 bad1" },
		{ "encrypted and verified and bits at least 1 and at least TLS "
		    "1.3 and with PFS and with AEAD and not anonymous never held",
		    "!0:0 !1:0 !2:1 !3:5 !4:0 !5:0 !6:0 0..-1 bad2" },
		{ "without auth not exempt under Postfix never held",
		    "noauth noexempt mta1 0..-1 bad2" },
		{ "under sendmail on 2026-11-30 never held",
		    "mta0 1..1 bad2" },
		{ "between 2026-11-28 and 2026-12-01 never held",
		    "-1..2 bad2" },
		{ "since 2026-12-01 never held", "2..-1 bad2" },
		{ "until 2026-12-01 never held", "0..2 bad2" },
		{ "until 2026-11-01 never held", "-28..-28 bad2" },
		{ "from b\xc3\xbc""cher.example unverified never accepted",
		    "TLS_From:xn--bcher-kva.example 1:0 0..-1 bad1" },
	};

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		struct claim claim;
		struct fault f;
		struct text text;
		char buf[512];

		text_init(&text, buf, sizeof buf);
		if (claim_parse(slice_of(rows[i].text), TODAY, false, &claim,
		    &f))
			put_claim(&claim, &text);
		else
			text_puts(&text, f.text);
		unit_same(rows[i].text, rows[i].want, buf);
	}
	unit_end();
}

static void
test_bad(void **state)
{
	static const struct {
		const char *text;
		unsigned long column;
		const char *want; /* in the message */
	} rows[] = {
		{ "from bank.example", 18, "the claim ends here" },
		{ "", 1, "the claim ends here" },
		{ "mail", 5, "the claim ends here" },
		{ "and never held", 1, "found \"and\"" },
		{ "form bank.example never held", 1, "did you mean from?" },
		{ "from bank.example in klear never held", 22,
		    "found \"klear\"; expected \"in clear\"" },
		{ "from", 5, "expected \"from WHO\"" },
		{ "from bank.example is", 21, "the claim ends here" },
		{ "from bank.example never", 24, "expected \"never accepted\"" },
		{ "from bank.example never said", 25,
		    "expected \"never accepted\"" },
		{ "never held or refused", 12,
		    "found \"or refused\" behind the verdict" },
		{ "from a.example from b.example never held", 21,
		    "found \"from\" a second time" },
		{ "from *@a.example never held", 6, "can never match" },
		{ "client 192.0.2.1/24 never held", 8, "has bits set behind" },
		{ "bits below 0 never held", 12, "1 to 65535" },
		{ "bits below many never held", 12, "1 to 65535" },
		{ "below TLS 1.4 never held", 11, "1.0, 1.1, 1.2 or 1.3" },
		{ "on 2026-02-30 never held", 4, "a date, YYYY-MM-DD" },
		{ "between 2027-01-02 and 2027-01-01 never held", 24,
		    "the earlier day first" },
		{ "on 2027-01-02 since 2027-01-01 never held", 21,
		    "days a second time" },
		{ "under Postfix under sendmail never held", 29,
		    "\"under\" a second time" },
		{ "under Exim never held", 7, "expected \"under sendmail\"" },
		{ "auth joe without auth never held", 22,
		    "\"auth\" and \"without auth\"" },
		{ "without auth auth joe never held", 19,
		    "\"auth\" and \"without auth\"" },
		{ "always encrypted much", 18, "1 to 65535" },
	};

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		struct claim claim;
		struct fault f;

		if (claim_parse(slice_of(rows[i].text), TODAY, false, &claim,
		    &f)) {
			unit_same(rows[i].text, "no claim", "a claim");
			continue;
		}
		if (strstr(f.text, rows[i].want) == NULL)
			unit_same(rows[i].text, rows[i].want, f.text);
		unit_number(rows[i].text, (long long)rows[i].column,
		    (long long)f.column);
		unit_number(rows[i].text, FAULT_DATA, f.kind);
	}
	unit_end();
}

/* What an item looks at has to be known, or nothing about it is decided. */
static void
test_items(void **state)
{
	(void)state;
	for (const struct item_row *row = item_table(); row->name != NULL;
	    row++)
		if (prove_threshold_of(row->id) == DIMENSION_UNKNOWN)
			unit_same(row->name, "a row in policy/prove/threshold.c",
			    "none");
	unit_end();
}

static void
count_fault(void *arg, const struct fault *f)
{
	char line[FAULT_WHERE_MAX + FAULT_TEXT_MAX + 48];
	struct text *out = arg;

	fault_print(f, line, sizeof line);
	text_printf(out, "%.*s;", (int)strcspn(line, ";"), line);
}

static void
test_files(void **state)
{
	static const char text[] = "\xef\xbb\xbf# all\n\n  \t\n"
	    "  mail in clear never accepted\r\nfrom a.example\n"
	    "\tnever\x01 held\nnever held";
	char buf[1024], want[1024];
	const char *path = unit_path("x.claims");
	FILE *out = fopen(path, "w");
	struct claims claims;
	struct text said;
	struct fault f;

	(void)state;
	assert_non_null(out);
	fwrite(text, 1, sizeof text - 1, out);
	fclose(out);
	text_init(&said, buf, sizeof buf);
	claims_init(&claims, TODAY, false, count_fault, &said);
	assert_true(claims_read(&claims, path, &f));
	assert_int_equal(claims.n, 2);
	assert_int_equal(claims.bad_lines, 2);
	unit_number("line", 4, (long long)claims.places[0].line);
	unit_number("column", 3, (long long)claims.places[0].column);
	unit_number("last line", 7, (long long)claims.places[1].line);
	snprintf(want, sizeof want, "%s:5:15: the claim ends here;%s:6:7: "
	    "found an invisible character;", path, path);
	unit_same("messages", want, buf);
	claims_free(&claims);
	claims_init(&claims, TODAY, false, NULL, NULL);
	assert_false(claims_read(&claims, unit_path("no.claims"), &f));
	assert_int_equal(f.kind, FAULT_NOINPUT);
	claims_free(&claims);
	unit_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_items),
		cmocka_unit_test(test_files),
	};

	return unit_main(tests);
}
