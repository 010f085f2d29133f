/* The two dialects: what each MTA's macros come to. */
#include <stdio.h>
#include <string.h>

#include "policy/facts/macro.h"
#include "t/unit.h"

static void
test_dialects(void **state)
{
	(void)state;
	assert_int_equal(macro_dialect(slice_of("Postfix 3.7.11")),
	    DIALECT_POSTFIX);
	assert_int_equal(macro_dialect(slice_of("postfix")), DIALECT_POSTFIX);
	assert_int_equal(macro_dialect(slice_of("8.17.1.9/8.17.1/Debian")),
	    DIALECT_SENDMAIL);
	assert_int_equal(macro_dialect(slice_of("Postfi")), DIALECT_SENDMAIL);
	assert_int_equal(macro_dialect(slice_of("")), DIALECT_SENDMAIL);
}

/* Each dialect has a row with all members, which its own name finds. */
static void
test_rows(void **state)
{
	(void)state;
	for (int d = 0; d < DIALECT_COUNT; d++) {
		const struct dialect *row = dialect_row((enum dialect_id)d);
		bool all_told = true;

		assert_non_null(row);
		assert_non_null(row->name);
		assert_non_null(row->title);
		assert_non_null(row->is_local);
		assert_non_null(row->macros);
		assert_string_equal(row->macros[0].name, "v");
		unit_number(row->name, true,
		    slice_is_nocase(slice_of(row->title), row->name));
		unit_number(row->title, d, macro_dialect(slice_of(row->title)));
		for (int id = 0; id < FACT_COUNT; id++)
			all_told &= macro_told((enum dialect_id)d,
			    (enum fact_id)id);
		unit_number(row->name, all_told, row->way_out == NULL);
		if (row->verify_from_names)
			assert_non_null(row->finish);
		for (int other = 0; other < d; other++)
			assert_string_not_equal(row->name,
			    dialect_row((enum dialect_id)other)->name);
	}
	unit_end();
}

/* Macros in, "fact=state:value" of one fact out. */
static const struct {
	const char *macros;
	enum fact_id fact;
	enum fact_state state;
	const char *value;
} fact_rows[] = {
	{ "cn_subject=Darth+20Mail", FACT_CN_SUBJECT, FACT_KNOWN,
	    "Darth Mail" },
	{ "cert_subject=/CN=a+2Bb", FACT_CERT_SUBJECT, FACT_KNOWN,
	    "/CN=a+b" },
	{ "auth_authen=jane+40x", FACT_AUTH_AUTHEN, FACT_KNOWN,
	    "jane@x" },
	{ "client_name=a+20b", FACT_CLIENT_NAME, FACT_KNOWN, "a+20b" },
	{ "mail_addr=a+20b@x", FACT_MAIL_ADDR, FACT_KNOWN, "a+20b@x" },
	{ "cert_md5=66:17", FACT_FINGERPRINT, FACT_KNOWN, "66:17" },
	{ "cert_fp=aa cert_md5=66", FACT_FINGERPRINT, FACT_KNOWN,
	    "aa" },
	{ "client_name=unknown client_addr=192.0.2.1",
	    FACT_CLIENT_NAME, FACT_KNOWN, "unknown" },
	{ "", FACT_CERT_SUBJECT, FACT_ABSENT, "" },
	{ "", FACT_VERIFY, FACT_ABSENT, "" },

	{ "v=Postfix cert_subject=mail+20x", FACT_CN_SUBJECT,
	    FACT_KNOWN, "mail+20x" },
	{ "v=Postfix cert_subject=mail", FACT_CERT_SUBJECT,
	    FACT_NOT_TOLD, "" },
	{ "v=Postfix cert_issuer=CA", FACT_CN_ISSUER, FACT_KNOWN,
	    "CA" },
	{ "v=Postfix cn_subject=forged", FACT_CN_SUBJECT, FACT_ABSENT,
	    "" },
	{ "v=Postfix cert_fp=aa", FACT_FINGERPRINT, FACT_NOT_TOLD, "" },
	{ "v=Postfix ccert_fingerprint=aa", FACT_FINGERPRINT,
	    FACT_KNOWN, "aa" },
	{ "ccert_fingerprint=aa", FACT_FINGERPRINT, FACT_ABSENT, "" },
	{ "ccert_pubkey_fingerprint=aa", FACT_KEY_FINGERPRINT,
	    FACT_NOT_TOLD, "" },
	{ "v=Postfix auth_ssf=256", FACT_AUTH_SSF, FACT_NOT_TOLD, "" },
	{ "v=Postfix client_resolve=OK", FACT_CLIENT_RESOLVE,
	    FACT_NOT_TOLD, "" },
	{ "v=Postfix client_name=unknown client_addr=203.0.113.8",
	    FACT_CLIENT_NAME, FACT_KNOWN, "[203.0.113.8]" },
	{ "v=Postfix client_name=unknown client_addr=2001:db8::1",
	    FACT_CLIENT_NAME, FACT_KNOWN, "[2001:db8::1]" },
	{ "v=Postfix client_name=unknown", FACT_CLIENT_NAME,
	    FACT_ABSENT, "" },
	{ "v=Postfix client_name=unknown client_addr=unknown",
	    FACT_CLIENT_NAME, FACT_ABSENT, "" },
	{ "v=Postfix client_name=unknown.example client_addr=192.0.2.1",
	    FACT_CLIENT_NAME, FACT_KNOWN, "unknown.example" }
};

static void
test_facts(void **state)
{
	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(fact_rows); i++) {
		struct facts facts;

		unit_facts(&facts, fact_rows[i].macros);
		unit_number(fact_rows[i].macros, fact_rows[i].state,
		    facts.fact[fact_rows[i].fact].state);
		unit_slice(fact_rows[i].macros, fact_rows[i].value,
		    facts_value(&facts, fact_rows[i].fact));
		facts_free(&facts);
	}
	unit_end();
}

/* Postfix knows no {verify}: derived, and never believed when it comes. */
static void
test_postfix_verify(void **state)
{
	static const struct {
		const char *macros, *want;
	} rows[] = {
		{ "v=Postfix", "NONE" },
		{ "v=Postfix verify=OK", "NONE" },
		{ "v=Postfix cipher=AES256-SHA", "NO-OR-FAIL" },
		{ "v=Postfix tls_version=TLSv1.3", "NO-OR-FAIL" },
		{ "v=Postfix cipher=AES256-SHA verify=OK", "NO-OR-FAIL" },
		{ "v=Postfix cipher=AES256-SHA cn_subject=x", "NO-OR-FAIL" },
		{ "v=Postfix cipher=AES256-SHA cert_subject=x", "OK" },
		{ "v=Postfix cipher=AES256-SHA cert_issuer=x", "OK" },
		/* trusted, but without a CN */
		{ "v=Postfix cipher=AES256-SHA cert_subject=", "OK" },
		{ "v=Postfix cipher= tls_version=", "NONE" }
	};

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		struct facts facts;

		unit_facts(&facts, rows[i].macros);
		unit_slice(rows[i].macros, rows[i].want,
		    facts_verify_word(&facts));
		facts_free(&facts);
	}
	unit_end();
}

static void
test_set(void **state)
{
	static const struct {
		const char *name;
		enum macro_set sendmail, postfix;
	} rows[] = {
		{ "verify", MACRO_SET, MACRO_IGNORED },
		{ "cert_subject", MACRO_SET, MACRO_SET },
		{ "cn_subject", MACRO_SET, MACRO_IGNORED },
		{ "i", MACRO_SET, MACRO_SET }, { "v", MACRO_SET, MACRO_SET },
		{ "_", MACRO_IGNORED, MACRO_IGNORED },
		{ "tls_sni", MACRO_IGNORED, MACRO_IGNORED },
		{ "{verify}", MACRO_UNKNOWN, MACRO_UNKNOWN },
		{ "verfy", MACRO_UNKNOWN, MACRO_UNKNOWN },
		{ "VERIFY", MACRO_UNKNOWN, MACRO_UNKNOWN },
		{ "", MACRO_UNKNOWN, MACRO_UNKNOWN }
	};
	struct facts facts;

	(void)state;
	facts_init(&facts, DIALECT_SENDMAIL);
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		facts_reset(&facts, DIALECT_SENDMAIL);
		unit_number(rows[i].name, rows[i].sendmail, macro_set(&facts,
		    slice_of(rows[i].name), slice_of("x")));
		facts_reset(&facts, DIALECT_POSTFIX);
		unit_number(rows[i].name, rows[i].postfix, macro_set(&facts,
		    slice_of(rows[i].name), slice_of("x")));
	}
	facts_free(&facts);
	unit_end();
}

/* The list asked of an MTA has each macro of its rows, once. */
static void
test_lists(void **state)
{
	char list[2048], padded[2060], wanted[64];
	struct text out;

	(void)state;
	text_init(&out, list, sizeof list);
	macro_list(MACRO_AT_MAIL, &out);
	assert_false(out.cut);
	snprintf(padded, sizeof padded, " %s ", list);
	for (int d = 0; d < DIALECT_COUNT; d++)
		for (const struct macro *m = macro_table((enum dialect_id)d);
		    m->name != NULL; m++) {
			const char *hit;

			snprintf(wanted, sizeof wanted, " %s ", m->name);
			hit = strstr(padded, wanted);
			if (m->stage == MACRO_AT_MAIL)
				unit_number(m->name, true, hit != NULL);
			if (m->stage == MACRO_OUTBOUND)
				unit_number(m->name, false, hit != NULL);
			if (hit != NULL)
				assert_null(strstr(hit + 1, wanted));
		}
	unit_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dialects),
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_facts),
		cmocka_unit_test(test_postfix_verify),
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_lists),
	};

	return unit_main(tests);
}
