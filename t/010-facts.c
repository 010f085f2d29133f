/* Facts: known, absent, not told; what is derived from them. */
#include "t/unit.h"

static void
test_states(void **state)
{
	struct facts facts;

	(void)state;
	facts_init(&facts, DIALECT_SENDMAIL);
	assert_int_equal(facts.fact[FACT_VERIFY].state, FACT_ABSENT);
	assert_int_equal(facts_value(&facts, FACT_VERIFY).n, 0);
	assert_true(facts_set(&facts, FACT_CN_SUBJECT, slice_of("a+20b"),
	    true));
	unit_slice("value", "a b", facts_value(&facts, FACT_CN_SUBJECT));
	unit_slice("raw", "a+20b", facts_raw(&facts, FACT_CN_SUBJECT));
	assert_true(facts_set(&facts, FACT_CLIENT_NAME, slice_of("a+20b"),
	    false));
	unit_slice("not encoded", "a+20b",
	    facts_value(&facts, FACT_CLIENT_NAME));
	assert_true(facts_set(&facts, FACT_HELO, slice_of(""), false));
	assert_true(facts_known(&facts, FACT_HELO));
	assert_false(facts_filled(&facts, FACT_HELO));
	facts_set_state(&facts, FACT_CLIENT_NAME, FACT_NOT_TOLD);
	assert_false(facts_known(&facts, FACT_CLIENT_NAME));
	assert_int_equal(facts_value(&facts, FACT_CLIENT_NAME).n, 0);
	facts_reset(&facts, DIALECT_POSTFIX);
	assert_false(facts_known(&facts, FACT_CN_SUBJECT));
	assert_int_equal(facts.dialect, DIALECT_POSTFIX);
	facts_free(&facts);
	unit_end();
}

/* Facts keep copies: the caller may free or change its values. */
static void
test_copies(void **state)
{
	char name[] = "mail.example.com";
	struct facts facts;

	(void)state;
	facts_init(&facts, DIALECT_SENDMAIL);
	assert_true(facts_set(&facts, FACT_CLIENT_NAME, slice_of(name),
	    false));
	name[0] = 'X';
	unit_slice("copy", "mail.example.com",
	    facts_value(&facts, FACT_CLIENT_NAME));
	facts_free(&facts);
	unit_end();
}

static void
test_bits(void **state)
{
	static const struct {
		const char *macros;
		unsigned want;
	} rows[] = {
		{ "", 0 }, { "cipher_bits=256", 256 }, { "cipher_bits=", 0 },
		{ "cipher_bits=256/256", 256 }, { "cipher_bits=x", 0 },
		{ "cipher_bits=-1", 0 }, { "cipher_bits=0256", 256 },
		{ "cipher_bits=99999999999999", 65535 },
		{ "cipher_bits=128 auth_ssf=256", 256 },
		{ "cipher_bits=256 auth_ssf=128", 256 }, { "auth_ssf=56", 56 }
	};

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		struct facts facts;

		unit_facts(&facts, rows[i].macros);
		unit_number(rows[i].macros, rows[i].want, facts_bits(&facts));
		facts_free(&facts);
	}
	unit_end();
}

static void
test_verify(void **state)
{
	static const struct {
		const char *macros, *word;
		enum verify want;
		bool verified, in_clear;
	} rows[] = {
		{ "", "NONE", VERIFY_NONE, false, true },
		{ "verify=", "", VERIFY_EMPTY, false, true },
		{ "verify=NONE", "NONE", VERIFY_NONE, false, true },
		{ "verify=CLEAR", "CLEAR", VERIFY_CLEAR, false, true },
		{ "cipher=AES256-SHA", "NONE", VERIFY_NONE, false, false },
		{ "tls_version=TLSv1.2", "NONE", VERIFY_NONE, false, false },
		{ "cipher_bits=128", "NONE", VERIFY_NONE, false, false },
		{ "cipher_bits=0", "NONE", VERIFY_NONE, false, true },
		{ "verify=OK", "OK", VERIFY_OK, true, false },
		{ "verify=ok", "ok", VERIFY_OK, true, false },
		{ "verify=TRUSTED", "TRUSTED", VERIFY_TRUSTED, true, false },
		{ "verify=NO", "NO", VERIFY_NO, false, false },
		{ "verify=NOT", "NOT", VERIFY_NOT, false, false },
		{ "verify=FAIL", "FAIL", VERIFY_FAIL, false, false },
		{ "verify=TEMP", "TEMP", VERIFY_TEMP, false, false },
		{ "verify=PROTOCOL", "PROTOCOL", VERIFY_PROTOCOL, false, false },
		{ "verify=CONFIG", "CONFIG", VERIFY_CONFIG, false, false },
		{ "verify=SOFTWARE", "SOFTWARE", VERIFY_SOFTWARE, false, false },
		{ "verify=DANE_FAIL", "DANE_FAIL", VERIFY_DANE_FAIL, false,
		    false },
		{ "verify=OKAY", "OKAY", VERIFY_OTHER, false, false },
		{ "verify=O", "O", VERIFY_OTHER, false, false }
	};

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		struct facts facts;

		unit_facts(&facts, rows[i].macros);
		unit_number(rows[i].macros, rows[i].want, facts_verify(&facts));
		unit_slice(rows[i].macros, rows[i].word,
		    facts_verify_word(&facts));
		unit_number(rows[i].macros, rows[i].verified,
		    facts_verified(&facts));
		unit_number(rows[i].macros, rows[i].in_clear,
		    facts_in_clear(&facts));
		facts_free(&facts);
	}
	unit_end();
}

static void
test_names(void **state)
{
	enum fact_id id;

	(void)state;
	for (int i = 0; i < FACT_COUNT; i++) {
		assert_true(fact_by_name(slice_of(fact_name((enum fact_id)i)),
		    &id));
		assert_int_equal(id, i);
	}
	assert_false(fact_by_name(slice_of("client"), &id));
	assert_false(fact_by_name(slice_of(""), &id));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_states),
		cmocka_unit_test(test_copies),
		cmocka_unit_test(test_bits),
		cmocka_unit_test(test_verify),
		cmocka_unit_test(test_names),
	};

	return unit_main(tests);
}
