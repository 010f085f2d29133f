/* The lines of the audit log, to the byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "policy/audit/field.h"
#include "policy/audit/record.h"
#include "policy/base/jsonput.h"
#include "policy/facts/macro.h"

struct fixture {
	struct facts facts;
	struct verdict verdict;
	struct record record;
	char buf[4 * RECORD_LINE_MAX];
	struct text out;
};

static int
set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	facts_init(&f->facts, DIALECT_SENDMAIL);
	assert_true(macro_finish(&f->facts));
	f->verdict.memory.buf = f->verdict.memory_text;
	f->verdict.deciding = -1;
	f->verdict.generation = 7;
	f->record.time_us = INT64_C(1772366400123456);
	f->record.session = slice_of("s1");
	f->record.facts = &f->facts;
	f->record.verdict = &f->verdict;
	text_init(&f->out, f->buf, sizeof f->buf);
	*state = f;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;

	facts_free(&f->facts);
	free(f);
	return 0;
}

/* NAME, VALUE, ..., NULL. */
static void
tell(struct fixture *f, enum dialect_id dialect, const char *const *macros)
{
	facts_reset(&f->facts, dialect);
	for (; *macros != NULL; macros += 2)
		assert_int_equal(macro_set(&f->facts, slice_of(macros[0]),
		    slice_of(macros[1])), MACRO_SET);
	assert_true(macro_finish(&f->facts));
}

static json_t *
format(struct fixture *f)
{
	json_error_t error;
	json_t *line;

	text_clear(&f->out);
	assert_true(record_format(&f->record, &f->out));
	assert_null(memchr(f->out.buf, '\n', f->out.n));
	line = json_loadb(f->out.buf, f->out.n, JSON_REJECT_DUPLICATES, &error);
	if (line == NULL)
		print_error("%s: %s\n", error.text, f->out.buf);
	assert_non_null(line);
	return line;
}

static void
expect(struct fixture *f, const char *want)
{
	json_decref(format(f));
	assert_string_equal(f->out.buf, want);
}

static const char *const sendmail_session[] = { "v", "8.17.1.9", "j",
	"mx.example.org", "i", "21A0abc012345", "client_name",
	"mail.example.com", "client_addr", "192.0.2.1", "client_resolve", "OK",
	"daemon_name", "MTA", "daemon_port", "25", "daemon_addr", "192.0.2.25",
	"tls_version", "TLSv1.3", "cipher", "TLS_AES_256_GCM_SHA384",
	"cipher_bits", "256", "verify", "OK", "cn_subject",
	"Darth+20Mail+20+28Cert+29", "cn_issuer", "endmail.org",
	"cert_subject", "/C=US/CN=Darth+20Mail+20+28Cert+29", "cert_issuer",
	"/C=US/CN=endmail.org", "cert_fp", "66:17:24", "mail_addr",
	"<a@example.com>", NULL };

static void
test_message(void **state)
{
	struct fixture *f = *state;
	struct record_rcpt rcpts[2] = { { .address = slice_of("b@example.org") },
		{ .address = slice_of("<c@example.org>") } };

	tell(f, DIALECT_SENDMAIL, sendmail_session);
	f->verdict.nresults = 1;
	f->verdict.results[0] = (struct tag_result){ .tag = TAG_FROM,
		.matched = true, .answer = ANSWER_YES,
		.key = slice_of("TLS_From:example.com"),
		.requirement = slice_of("VERIFY:128+CN"),
		.file = slice_of("/etc/tlspolicy/rules"), .line = 12 };
	f->record.rcpts = rcpts;
	f->record.nrcpts = 2;
	expect(f, "{\"v\":1,\"event\":\"message\","
	    "\"time\":\"2026-03-01T12:00:00.123456Z\","
	    "\"node\":\"mx.example.org\",\"mta\":\"8.17.1.9\","
	    "\"queue_id\":\"21A0abc012345\",\"helo\":null,"
	    "\"from\":\"a@example.com\",\"generation\":7,\"policy\":null,"
	    "\"session\":\"s1\","
	    "\"client\":{\"name\":\"mail.example.com\",\"addr\":\"192.0.2.1\","
	    "\"resolve\":\"OK\"},"
	    "\"daemon\":{\"name\":\"MTA\",\"port\":25,"
	    "\"addr\":\"192.0.2.25\"},\"auth\":null,"
	    "\"tls\":{\"version\":\"TLSv1.3\","
	    "\"cipher\":\"TLS_AES_256_GCM_SHA384\",\"bits\":256,"
	    "\"verify\":\"OK\",\"cn\":\"Darth Mail (Cert)\","
	    "\"subject\":\"/C=US/CN=Darth Mail (Cert)\","
	    "\"issuer\":\"/C=US/CN=endmail.org\",\"issuer_cn\":\"endmail.org\","
	    "\"fingerprint\":\"66:17:24\"},"
	    "\"rcpts\":[\"b@example.org\",\"c@example.org\"],"
	    "\"rules\":[{\"tag\":\"TLS_From\",\"key\":\"TLS_From:example.com\","
	    "\"requirement\":\"VERIFY:128+CN\",\"result\":\"holds\","
	    "\"file\":\"/etc/tlspolicy/rules\",\"line\":12}],"
	    "\"verdict\":\"accept\",\"waiver\":null,\"reply\":null,"
	    "\"reason\":null,\"result_type\":null,\"mode\":\"enforce\"}");
}

static void
refuse(struct fixture *f, enum verdict_kind kind, enum reason reason)
{
	f->verdict.reply = (struct reply){ .kind = kind, .reason = reason,
		.code = "451", .dsn = "4.7.10", .nlines = 2,
		.lines = { slice_of("TLS is required"), slice_of("see \"x\"") } };
	f->verdict.deciding = 0;
	f->verdict.nresults = 1;
	f->verdict.results[0] = (struct tag_result){ .tag = TAG_CLT,
		.matched = true, .answer = ANSWER_NO, .reason = reason,
		.key = slice_of("TLS_Clt:"), .requirement = slice_of("ENCR:1"),
		.file = slice_of("rules"), .line = 1 };
}

static void
test_refusal_in_clear_under_postfix(void **state)
{
	static const char *const macros[] = { "v", "Postfix 3.7.11", "j", "mx",
		"client_name", "unknown", "client_addr", "203.0.113.8", "s",
		"laptop", "mail_addr", "<>", NULL };
	struct fixture *f = *state;

	tell(f, DIALECT_POSTFIX, macros);
	refuse(f, VERDICT_TEMPFAIL, REASON_PLAINTEXT);
	f->verdict.kind = VERDICT_TEMPFAIL;
	f->record.event = RECORD_REFUSED_MAIL;
	expect(f, "{\"v\":1,\"event\":\"refused-mail\","
	    "\"time\":\"2026-03-01T12:00:00.123456Z\",\"node\":\"mx\","
	    "\"mta\":\"Postfix 3.7.11\",\"queue_id\":null,\"helo\":\"laptop\","
	    "\"from\":\"<>\",\"generation\":7,\"policy\":null,"
	    "\"session\":\"s1\","
	    "\"client\":{\"name\":\"[203.0.113.8]\",\"addr\":\"203.0.113.8\",\"port\":null},"
	    "\"daemon\":{\"name\":null,\"port\":null,\"addr\":null},"
	    "\"auth\":null,\"tls\":null,\"rcpts\":[],"
	    "\"rules\":[{\"tag\":\"TLS_Clt\",\"key\":\"TLS_Clt:\","
	    "\"requirement\":\"ENCR:1\",\"result\":\"fails\","
	    "\"file\":\"rules\",\"line\":1}],"
	    "\"verdict\":\"tempfail\",\"waiver\":null,"
	    "\"reply\":\"451 4.7.10 TLS is required / see \\\"x\\\"\","
	    "\"reason\":\"plaintext\","
	    "\"result_type\":\"starttls-not-supported\","
	    "\"mode\":\"enforce\"}");
}

static void
test_waiver_tells_what_would_have_been(void **state)
{
	struct fixture *f = *state;
	json_t *line;

	refuse(f, VERDICT_REJECT, REASON_TOO_WEAK);
	f->verdict.kind = VERDICT_ACCEPT;
	f->verdict.waiver = WAIVER_WARN;
	f->verdict.results[0].warn = true;
	f->record.monitor = f->record.exempt = true;
	line = format(f);
	assert_non_null(strstr(f->buf, "\"result\":\"would-fail\""));
	assert_non_null(strstr(f->buf, "\"verdict\":\"accept\","
	    "\"waiver\":\"warn\",\"would\":{\"verdict\":\"reject\","
	    "\"reply\":\"451 4.7.10 TLS is required / see \\\"x\\\"\"},"
	    "\"reply\":null,\"reason\":\"too-weak\","
	    "\"result_type\":\"validation-failure\",\"mode\":\"monitor\","
	    "\"exempt\":true}"));
	json_decref(line);
}

static void
test_recipient_speaks_when_mail_does_not(void **state)
{
	struct fixture *f = *state;
	struct tag_result to = { .tag = TAG_TO, .matched = true,
		.answer = ANSWER_NO, .reason = REASON_NOT_VERIFIED,
		.key = slice_of("TLS_To:b@"), .requirement = slice_of("VERIFY"),
		.file = slice_of("rules"), .line = 3 };
	struct record_rcpt rcpt = { .address = slice_of("b@example.org"),
		.result = &to, .kind = VERDICT_ACCEPT,
		.waiver = WAIVER_MONITOR };
	json_t *line;

	f->record.rcpts = &rcpt;
	f->record.nrcpts = 1;
	line = format(f);
	assert_non_null(strstr(f->buf, "\"rules\":[{\"tag\":\"TLS_To\","
	    "\"rcpt\":\"b@example.org\",\"key\":\"TLS_To:b@\","
	    "\"requirement\":\"VERIFY\",\"result\":\"fails\","
	    "\"waiver\":\"monitor\",\"file\":\"rules\",\"line\":3}],"
	    "\"verdict\":\"accept\",\"waiver\":\"monitor\",\"reply\":null,"
	    "\"reason\":\"not-verified\""));
	json_decref(line);
}

static void
test_lookup_failed(void **state)
{
	struct fixture *f = *state;
	json_t *line;

	f->verdict.nresults = 1;
	f->verdict.results[0] = (struct tag_result){ .tag = TAG_CLT,
		.lookup_failed = true };
	line = format(f);
	assert_non_null(strstr(f->buf, "\"rules\":[{\"tag\":\"TLS_Clt\","
	    "\"key\":null,\"requirement\":null,\"result\":\"lookup-failed\","
	    "\"file\":null,\"line\":0}]"));
	json_decref(line);
}

static void
test_hostile_bytes(void **state)
{
	static const struct {
		const char *in, *out;
		bool faithful;
	} cases[] = {
		{ "a\"b\\c/", "\"a\\\"b\\\\c/\"", true },
		{ "\r\n\t\x01\x1b[31m\x7f",
		    "\"\\u000d\\u000a\\u0009\\u0001\\u001b[31m\\u007f\"", true },
		{ "J\xc3\xbcrgen", "\"J\xc3\xbcrgen\"", true },
		{ "\xc2\x85\xc2\xa0", "\"\\u0085\xc2\xa0\"", true },
		{ "\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xae\xe2\x80\xaf",
		    "\"\\u2028\\u2029\\u202e\xe2\x80\xaf\"", true },
		/* a tag, beyond U+FFFF; a soft hyphen, a filler */
		{ "\xf3\xa0\x81\x81\xc2\xad\xe3\x85\xa4",
		    "\"\\udb40\\udc41\\u00ad\\u3164\"", true },
		{ "\xef\xbb\xbf\xe2\x80\x8b", "\"\\ufeff\\u200b\"", true },
		{ "\xf0\x9f\x93\xa7", "\"\xf0\x9f\x93\xa7\"", true },
		{ "J\xfcrgen", "\"J\xef\xbf\xbdrgen\"", false },
		{ "\xc0\xaf", "\"\xef\xbf\xbd\xef\xbf\xbd\"", false },
		{ "\xe0\x80\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"",
		    false },
		{ "\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"",
		    false },
		{ "\xf4\x90\x80\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
		    "\xef\xbf\xbd\"", false },
		{ "\xe2\x82", "\"\xef\xbf\xbd\xef\xbf\xbd\"", false },
		{ "", "\"\"", true },
	};
	char buf[128];
	struct text out;
	struct jsonput j;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		text_init(&out, buf, sizeof buf);
		jsonput_start(&j, &out);
		assert_int_equal(jsonput_string(&j, slice_of(cases[i].in)),
		    cases[i].faithful);
		assert_true(jsonput_finish(&j));
		assert_string_equal(buf, cases[i].out);
	}
	text_init(&out, buf, sizeof buf);
	jsonput_start(&j, &out);
	assert_true(jsonput_string(&j, slice_make("a\0b", 3)));
	assert_true(jsonput_finish(&j));
	assert_string_equal(buf, "\"a\\u0000b\"");
}

/* Each byte at each place of the eight that are looked at together. */
static void
test_every_byte_at_every_place(void **state)
{
	char in[20], buf[160];
	struct text out;
	struct jsonput j;

	(void)state;
	for (size_t at = 0; at < sizeof in; at++)
		for (int byte = 0; byte < 256; byte++) {
			json_t *string;

			memset(in, 'x', sizeof in);
			in[at] = (char)byte;
			text_init(&out, buf, sizeof buf);
			jsonput_start(&j, &out);
			assert_int_equal(jsonput_string(&j,
			    slice_make(in, sizeof in)), byte < 0x80);
			assert_true(jsonput_finish(&j));
			string = json_loadb(buf, out.n,
			    JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
			assert_non_null(string);
			if (byte < 0x80)
				assert_memory_equal(json_string_value(string),
				    in, sizeof in);
			assert_int_equal(out.n, byte == '"' || byte == '\\' ?
			    23 : byte < ' ' || byte == 0x7f ? 27 :
			    byte < 0x80 ? 22 : 24);
			json_decref(string);
		}
}

/* What a field cannot carry to the byte stands in raw, in hex. */
static void
test_raw(void **state)
{
	static const char *const macros[] = { "v", "8.17.1.9", "client_name",
		"a\xff", "client_addr", "192.0.2.1", "cipher", "X", "cn_subject",
		"J+FCrgen", "cn_issuer", "a+2fb", "cert_subject", "a b", NULL };
	struct fixture *f = *state;
	struct record_rcpt rcpts[2] = { { .address = slice_of("b") },
		{ .address = slice_of("\xfe") } };
	json_t *line;

	tell(f, DIALECT_SENDMAIL, macros);
	f->record.rcpts = rcpts;
	f->record.nrcpts = 2;
	line = format(f);
	assert_non_null(strstr(f->buf, "\"client\":{\"name\":\"a\xef\xbf\xbd\","));
	assert_non_null(strstr(f->buf, "\"cn\":\"J\xef\xbf\xbdrgen\","
	    "\"subject\":\"a b\",\"issuer\":null,\"issuer_cn\":\"a/b\""));
	assert_non_null(strstr(f->buf, ",\"raw\":{\"client_name\":\"61ff\","
	    "\"cn_subject\":\"4a2b46437267656e\",\"cn_issuer\":\"612b326662\","
	    "\"cert_subject\":\"612062\",\"rcpt_addr\":[\"62\",\"fe\"]}}"));
	json_decref(line);
}

/* A spelling that text_put_xencoded() gives back needs no raw. */
static void
test_spelling_that_follows(void **state)
{
	struct fixture *f = *state;

	for (int byte = 1; byte < 0x80; byte++) {
		char value[2] = { (char)byte }, raw[8];
		const char *macros[] = { "v", "8.17.1.9", "cipher", "X",
			"cn_subject", raw, NULL };
		struct text out;

		text_init(&out, raw, sizeof raw);
		text_put_xencoded(&out, slice_of(value));
		tell(f, DIALECT_SENDMAIL, macros);
		json_decref(format(f));
		assert_null(strstr(f->buf, "\"raw\""));
		if (out.n == 3) {
			macros[5] = value;
			tell(f, DIALECT_SENDMAIL, macros);
			json_decref(format(f));
			assert_non_null(strstr(f->buf, "\"raw\""));
		}
	}
}

static void
test_raw_when_null_does_not_tell(void **state)
{
	static const char *const macros[] = { "v", "8.17.1.9", "verify",
		"CLEAR", "cipher", "", "auth_ssf", "0", NULL };
	struct fixture *f = *state;
	json_t *line;

	tell(f, DIALECT_SENDMAIL, macros);
	facts_set_state(&f->facts, FACT_FINGERPRINT, FACT_NOT_TOLD);
	line = format(f);
	assert_non_null(strstr(f->buf, "\"auth\":null,\"tls\":null"));
	assert_non_null(strstr(f->buf, "\"raw\":{\"cipher\":\"\","
	    "\"verify\":\"434c454152\",\"cert_fp\":false,\"auth_ssf\":\"30\"}"));
	json_decref(line);
}

static void
test_numbers_that_are_none(void **state)
{
	static const char *const macros[] = { "v", "8.17.1.9", "cipher", "X",
		"cipher_bits", "0128", "daemon_port", "smtp", "auth_type",
		"PLAIN", "auth_ssf", "1234567890", NULL };
	struct fixture *f = *state;
	json_t *line;

	tell(f, DIALECT_SENDMAIL, macros);
	line = format(f);
	assert_non_null(strstr(f->buf, "\"bits\":\"0128\""));
	assert_non_null(strstr(f->buf, "\"port\":\"smtp\""));
	assert_non_null(strstr(f->buf,
	    "\"auth\":{\"id\":null,\"type\":\"PLAIN\",\"ssf\":\"1234567890\"}"));
	assert_null(strstr(f->buf, "\"raw\""));
	json_decref(line);
}

static void
test_cut_is_told(void **state)
{
	struct fixture *f = *state;
	size_t whole;
	char *small;
	struct text out;

	tell(f, DIALECT_SENDMAIL, sendmail_session);
	json_decref(format(f));
	whole = f->out.n;
	small = malloc(whole + 1);
	for (size_t size = 1; size <= whole; size++) {
		text_init(&out, small, size);
		assert_false(record_format(&f->record, &out));
	}
	text_init(&out, small, whole + 1);
	assert_true(record_format(&f->record, &out));
	assert_string_equal(small, f->buf);
	free(small);
}

static void
test_very_long(void **state)
{
	struct fixture *f = *state;
	char *name = malloc(20000);
	const char *macros[] = { "v", "8.17.1.9", "s", name, NULL };
	json_t *line;

	memset(name, 0x01, 19999);
	name[19999] = '\0';
	tell(f, DIALECT_SENDMAIL, macros);
	line = format(f);
	assert_int_equal(json_string_length(json_object_get(line, "helo")),
	    19999);
	json_decref(line);
	free(name);
}

static void
test_times(void **state)
{
	static const struct {
		int64_t us;
		const char *text;
	} cases[] = {
		{ 0, "\"1970-01-01T00:00:00.000000Z\"" },
		{ -1, "\"1969-12-31T23:59:59.999999Z\"" },
		{ INT64_C(951825599999999), "\"2000-02-29T11:59:59.999999Z\"" },
		{ INT64_C(1835438400000001), "\"2028-02-29T12:00:00.000001Z\"" },
		{ INT64_C(4107542400000000), "\"2100-03-01T00:00:00.000000Z\"" },
		{ INT64_C(1798761599000000), "\"2026-12-31T23:59:59.000000Z\"" },
	};
	char buf[40];
	struct text out;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct jsonput j;

		text_init(&out, buf, sizeof buf);
		jsonput_start(&j, &out);
		jsonput_time(&j, cases[i].us);
		assert_true(jsonput_finish(&j));
		assert_string_equal(buf, cases[i].text);
	}
}

/* Every fact that a milter is told has exactly one field. */
static void
test_every_fact_has_a_field(void **state)
{
	(void)state;
	for (int id = 0; id < FACT_COUNT; id++) {
		const struct field *f = field_table();
		int n = 0;

		for (; f->name != NULL; f++)
			n += f->fact == (enum fact_id)id;
		assert_int_equal(n, id != FACT_SERVER_NAME &&
		    id != FACT_SERVER_ADDR && id != FACT_RCPT_ADDR &&
		    id != FACT_RCPT_RESOLVED && id != FACT_HEADER_FROM &&
		    id != FACT_HEADER_FLAW);
	}
}

static void
test_result_types(void **state)
{
	(void)state;
	assert_string_equal(record_result_type(REASON_NOT_VERIFIED,
	    VERIFY_FAIL), "certificate-not-trusted");
	assert_string_equal(record_result_type(REASON_NOT_VERIFIED, VERIFY_NO),
	    "validation-failure");
	assert_string_equal(record_result_type(REASON_WRONG_CERTIFICATE,
	    VERIFY_OK), "certificate-host-mismatch");
	assert_null(record_result_type(REASON_POLICY_ERROR, VERIFY_OK));
	assert_null(record_result_type(REASON_NONE, VERIFY_OK));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_message),
		TEST(test_refusal_in_clear_under_postfix),
		TEST(test_waiver_tells_what_would_have_been),
		TEST(test_recipient_speaks_when_mail_does_not),
		TEST(test_lookup_failed),
		TEST(test_hostile_bytes),
		TEST(test_every_byte_at_every_place),
		TEST(test_raw),
		TEST(test_spelling_that_follows),
		TEST(test_raw_when_null_does_not_tell),
		TEST(test_numbers_that_are_none),
		TEST(test_cut_is_told),
		TEST(test_very_long),
		TEST(test_times),
		TEST(test_every_fact_has_a_field),
		TEST(test_result_types),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
