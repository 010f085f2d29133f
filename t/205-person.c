/* What of a value is somebody's, and how much of it is shown all the same. */
#include <string.h>

#include "policy/audit/person.h"
#include "policy/audit/salts.h"
#include "t/unit.h"

#define HEX "0123456789abcdef0123456789abcdef"

static bool
commit(void *arg, enum person_kind kind, struct slice value,
    char hex[PERSON_HEX + 1])
{
	(void)arg;
	(void)kind;
	(void)value;
	memcpy(hex, HEX, sizeof HEX);
	return true;
}

/*
 * `shown`: what a record shows behind the commitment; NULL: the value names
 * nobody.
 */
static const struct {
	enum person_kind kind;
	const char *value, *shown;
} rows[] = {
	{ PERSON_MAILBOX, "alice@example.com", "@example.com" },
	{ PERSON_MAILBOX, "<>", NULL },
	{ PERSON_MAILBOX, "", NULL },
	{ PERSON_MAILBOX, "alice", "" },
	{ PERSON_MAILBOX, "alice%perm.test", "@perm.test" },
	{ PERSON_MAILBOX, "perm.test!alice", "@perm.test" },
	{ PERSON_MAILBOX, "@bar.test:alice%perm.test", "@perm.test" },
	{ PERSON_MAILBOX, "Alice <alice@perm.test>", "@perm.test" },
	{ PERSON_MAILBOX, "alice@perm.test(alice)", "@perm.test" },
	/* The domain by which reports group the mailbox. */
	{ PERSON_MAILBOX, "\"alice@smith.example\"", "@smith.example" },
	{ PERSON_MAILBOX, "\"alice\"", "" },
	{ PERSON_MAILBOX, "alice@[192.0.2.1]", "" },
	{ PERSON_MAILBOX, "alice@", "" },
	{ PERSON_MAILBOX, "a@b.test\x01\"", "" },
	{ PERSON_HOST, "mail.example.com", ".example.com" },
	{ PERSON_HOST, "MAIL.Example.COM.", ".example.com" },
	{ PERSON_HOST, "example.com", NULL },
	{ PERSON_HOST, "192-0-2-1.dyn.isp.net", ".isp.net" },
	{ PERSON_HOST, "alice.dyndns.org", ".dyndns.org" },
	{ PERSON_HOST, "co.uk", "" },
	{ PERSON_HOST, "alice.co.uk", NULL },
	{ PERSON_HOST, "mx.alice.co.uk", ".alice.co.uk" },
	{ PERSON_HOST, "alice-macbook.local", "" },
	{ PERSON_HOST, "DESKTOP-7", "" },
	{ PERSON_HOST, "[192.0.2.1]", "" },
	{ PERSON_HOST, "192.0.2.1", "" },
	{ PERSON_HOST, "alice smith@alice.com", "" },
	{ PERSON_HOST, "localhost", NULL },
	{ PERSON_HOST, PERSON_TRIAL "17", NULL },
	{ PERSON_ADDRESS, "0", NULL },
	{ PERSON_ADDRESS, "127.0.0.1", NULL },
	{ PERSON_ADDRESS, "::1", NULL },
	{ PERSON_ADDRESS, "192.0.2.1", "" },
	{ PERSON_ADDRESS, "IPv6:2001:db8::1", "" },
	{ PERSON_LOGIN, "alice", "" },
	{ PERSON_LOGIN, "alice@example.com", "@example.com" },
	{ PERSON_CERTIFICATE, "Alice Smith", "" },
	{ PERSON_CERTIFICATE, "alice@example.com", "@example.com" },
	{ PERSON_CERTIFICATE, "/CN=a@b.test/O=Alice", "" },
	{ PERSON_TEXT, "alice@example.com", "" },
	{ PERSON_NOBODY, "alice", NULL },
};

static void
test_what_is_shown(void **state)
{
	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		struct slice value = slice_of(rows[i].value);
		struct person_hiding hiding = { .commit = commit };
		char memory[512], want[512];
		struct jsonput put;
		struct text out;

		unit_number(rows[i].value, rows[i].shown != NULL,
		    person_is_in(rows[i].kind, value));
		if (rows[i].shown == NULL)
			continue;
		text_init(&out, memory, sizeof memory);
		jsonput_start(&put, &out);
		person_put(&hiding, &put, slice_make("", 0), rows[i].kind,
		    value, value);
		assert_true(jsonput_finish(&put));
		snprintf(want, sizeof want, "\"~" HEX "%s\"", rows[i].shown);
		unit_same(rows[i].value, want, memory);
	}
	unit_end();
}

static void
test_keys(void **state)
{
	static const struct {
		const char *key, *tag, *what;
		enum person_kind kind;
	} keys[] = {
		{ "TLS_To:a@b.test", "TLS_To:", "a@b.test", PERSON_MAILBOX },
		{ "TLS_To:a@", "TLS_To:", "a@", PERSON_MAILBOX },
		{ "TLS_From:b.test", "TLS_From:", "b.test", PERSON_NOBODY },
		{ "TLS_Clt:192.0.2.1", "TLS_Clt:", "192.0.2.1",
		    PERSON_ADDRESS },
		{ "TLS_Clt:192.0.2.0/24", "TLS_Clt:", "192.0.2.0/24",
		    PERSON_ADDRESS },
		{ "TLS_Clt:.dyn.isp.net", "TLS_Clt:.", "dyn.isp.net",
		    PERSON_HOST },
		{ "TLS_Auth:alice", "TLS_Auth:", "alice", PERSON_LOGIN },
		{ "TLS_Clt:", "TLS_Clt:", "", PERSON_NOBODY },
		{ "TLS_Clt", "TLS_Clt", "", PERSON_NOBODY },
		{ "TLS_Srv:mx.example.com", "TLS_Srv:", "mx.example.com",
		    PERSON_NOBODY },
	};

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(keys); i++) {
		struct slice tag, what;

		unit_number(keys[i].key, keys[i].kind, person_of_key(
		    slice_of(keys[i].key), &tag, &what));
		unit_slice(keys[i].key, keys[i].tag, tag);
		unit_slice(keys[i].key, keys[i].what, what);
	}
	assert_true(person_in_requirement(slice_of("OK+WHEN:192.0.2.1"),
	    false));
	assert_true(person_in_requirement(slice_of("VERIFY+client:a.b"),
	    false));
	assert_true(person_in_requirement(slice_of("ENCR:1+MSG:a@b"), false));
	assert_true(person_in_requirement(slice_of("VERIFY+PKFP:AB"), true));
	assert_false(person_in_requirement(slice_of("VERIFY+CN:a.b"), false));
	assert_false(person_in_requirement(slice_of("ENCR:128"), true));
	unit_end();
}

static void
test_whose_certificate(void **state)
{
	static const struct {
		const char *facts;
		bool person;
	} sessions[] = {
		{ "v=8.17.1 verify=NONE", false },
		{ "v=8.17.1 verify=OK cn_subject=mail.example.com", false },
		{ "v=8.17.1 verify=OK cn_subject=*.example.com", false },
		{ "v=8.17.1 verify=OK cn_subject=Alice+20Smith", true },
		{ "v=8.17.1 verify=OK cn_subject=alice@example.com", true },
		{ "v=8.17.1 verify=OK cn_subject=alice.local", true },
		{ "v=8.17.1 verify=OK cert_fp=AB", true },
		{ "v=8.17.1 verify=OK cn_subject=mail.example.com "
		    "cert_subject=/CN=mail.example.com/emailAddress=a@b", true },
	};

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(sessions); i++) {
		struct facts facts;

		unit_facts(&facts, sessions[i].facts);
		unit_number(sessions[i].facts, sessions[i].person,
		    person_has_certificate(&facts));
		facts_free(&facts);
	}
	unit_end();
}

/* Anything may stand in a file of salts. */
static void
test_entries(void **state)
{
	static const char good[] = HEX " " HEX HEX " mailbox a+40b";
	struct salts_entry e;
	int32_t day;

	(void)state;
	assert_true(salts_parse(slice_of(good), &e));
	assert_int_equal(e.kind, PERSON_MAILBOX);
	assert_false(e.erased);
	for (size_t n = 0; n < sizeof good - 5; n++)
		assert_false(salts_parse(slice_make(good, n), &e));
	assert_true(salts_parse(slice_of(HEX " ------"), &e) && e.erased);
	assert_false(salts_parse(slice_of(HEX " "), &e));
	assert_false(salts_parse(slice_of(HEX " " HEX HEX " nobody x"), &e));
	assert_false(salts_parse(slice_of(HEX " " HEX HEX " mailbox a b"),
	    &e));
	assert_false(salts_parse(slice_make("\0\0\0\0", 4), &e));
	assert_true(salts_day("2026-11-29", &day));
	assert_false(salts_day("2026-11-29.bak", &day));
	assert_false(salts_day("2026-13-29", &day));
	assert_false(salts_day("..", &day));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_shown),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_whose_certificate),
		cmocka_unit_test(test_entries),
	};

	return unit_main(tests);
}
