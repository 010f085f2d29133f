/* What was written is read back, to the byte; what is damaged is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "policy/audit/reader.h"
#include "policy/facts/macro.h"
#include "policy/rules/requirement.h"

enum { ROUNDS = 4000, DAYS = 500, LINE = 256 * 1024 };

struct fixture {
	struct facts facts;
	struct verdict verdict;
	struct record record;
	struct record_rcpt rcpts[9];
	struct tag_result rcpt_results[9];
	char memory[9][40];
	struct reader_record read;
	char line[LINE], again[LINE];
	uint32_t random;
	struct person_hash *hash;
	FILE *file; /* of the salts of `day` */
	int32_t day;
	char folder[32];
};

static unsigned
pick(struct fixture *f, unsigned n)
{
	f->random = f->random * 1664525 + 1013904223;
	return (f->random >> 8) % n;
}

static int
set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	facts_init(&f->facts, DIALECT_SENDMAIL);
	reader_record_init(&f->read);
	f->random = 1;
	*state = f;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;

	facts_free(&f->facts);
	reader_record_free(&f->read);
	free(f);
	return 0;
}

/* Words that mean something, numbers, and bytes without sense. */
static void
random_value(struct fixture *f, char *out, size_t size)
{
	static const char *const words[] = { "", "OK", "NONE", "NO", "FAIL",
		"256", "0128", "TLSv1.3", "TLS_AES_256_GCM_SHA384", "<>",
		"<a@example.com>", "<<a>>", "a+20b", "+", "unknown", "CLEAR",
		"\xe2\x80\xa8", "J\xc3\xbcrgen", "J+C3+BCrgen" };
	size_t n = pick(f, (unsigned)size - 1);

	if (pick(f, 3) > 0) {
		strcpy(out, words[pick(f, sizeof words / sizeof words[0])]);
		return;
	}
	for (size_t i = 0; i < n; i++)
		out[i] = (char)(pick(f, 2) ? 1 + pick(f, 255) :
		    ' ' + pick(f, 95));
	out[n] = '\0';
}

static void
random_facts(struct fixture *f)
{
	enum dialect_id dialect = pick(f, 2) ? DIALECT_POSTFIX : DIALECT_SENDMAIL;
	const struct macro *m = macro_table(dialect);

	facts_reset(&f->facts, dialect);
	assert_true(facts_set(&f->facts, FACT_MTA, slice_of(dialect ==
	    DIALECT_POSTFIX ? "Postfix 3.7.11" : "8.17.1.9"), false));
	for (; m->name != NULL; m++) {
		char value[40];

		if (m->fact == FACT_MTA || m->fact == FACT_RCPT_ADDR ||
		    m->fact == FACT_RCPT_RESOLVED ||
		    facts_known(&f->facts, m->fact) || pick(f, 3) == 0)
			continue;
		random_value(f, value, sizeof value);
		assert_true(facts_set(&f->facts, m->fact, slice_of(value),
		    m->xtext));
	}
	assert_true(macro_finish(&f->facts));
	if (pick(f, 10) == 0)
		facts_set_state(&f->facts, (enum fact_id)(2 + pick(f,
		    FACT_MAIL_ADDR - 2)), pick(f, 2) ? FACT_NOT_TOLD :
		    FACT_ABSENT);
}

static void
random_result(struct fixture *f, struct tag_result *r)
{
	*r = (struct tag_result){ .matched = true, .tag = TAG_CLT,
		.answer = pick(f, 2) ? ANSWER_YES : ANSWER_NO,
		.warn = pick(f, 2), .key = slice_of("TLS_Clt:\"\t\\"),
		.requirement = slice_of("ENCR:1+MSG:a \x01"),
		.file = slice_of("rules"), .line = pick(f, 1000) };
}

static void
random_record(struct fixture *f)
{
	random_facts(f);
	verdict_init(&f->verdict);
	f->verdict.generation = pick(f, 100000);
	f->verdict.nresults = pick(f, 3);
	for (unsigned i = 0; i < f->verdict.nresults; i++)
		random_result(f, &f->verdict.results[i]);
	f->verdict.kind = (enum verdict_kind)pick(f, 4);
	f->verdict.waiver = f->verdict.kind != VERDICT_ACCEPT ? WAIVER_NONE :
	    (enum waiver)pick(f, 5);
	f->verdict.reply = (struct reply){ .kind = VERDICT_REJECT,
		.reason = REASON_TOO_WEAK, .code = "554", .dsn = "5.7.10",
		.nlines = 2, .lines = { slice_of("no \"%\""),
		slice_of("see http://x/") } };
	f->record = (struct record){ .facts = &f->facts,
		.event = (enum record_event)pick(f, RECORD_OUTBOUND),
		.time_us = (int64_t)f->random * 1000003,
		.session = slice_of("s-1"), .verdict = &f->verdict,
		.rcpts = f->rcpts, .nrcpts = pick(f, 10),
		.monitor = pick(f, 2), .exempt = pick(f, 2) };
	for (size_t i = 0; i < f->record.nrcpts; i++) {
		random_value(f, f->memory[i], sizeof f->memory[i]);
		f->rcpts[i] = (struct record_rcpt){ .address =
			slice_of(f->memory[i]) };
		if (pick(f, 2))
			f->rcpts[i].resolved = slice_of(f->memory[i / 2]);
		if (pick(f, 2) && f->record.event != RECORD_REFUSED_RCPT) {
			random_result(f, &f->rcpt_results[i]);
			f->rcpts[i].result = &f->rcpt_results[i];
		}
	}
}

/* Two spellings of a mailbox that mean the same. */
static struct slice
inner(struct slice s)
{
	if (s.n > 2 && s.p[0] == '<' && s.p[s.n - 1] == '>' &&
	    s.p[1] != '<' && s.p[s.n - 2] != '>')
		return slice_make(s.p + 1, s.n - 2);
	return s.n == 0 ? slice_of("<>") : s;
}

static void
same_facts(const struct facts *want, const struct facts *got)
{
	assert_int_equal(want->dialect, got->dialect);
	for (int id = 0; id < FACT_COUNT; id++) {
		struct slice a = facts_raw(want, (enum fact_id)id);
		struct slice b = facts_raw(got, (enum fact_id)id);

		if (want->fact[id].state != got->fact[id].state ||
		    !slice_equal(inner(a), inner(b)) ||
		    (id != FACT_MAIL_ADDR && (!slice_equal(a, b) ||
		    !slice_equal(facts_value(want, (enum fact_id)id),
		    facts_value(got, (enum fact_id)id)))))
			fail_msg("%s: want %d \"%.*s\", got %d \"%.*s\"",
			    fact_name((enum fact_id)id), want->fact[id].state,
			    SLICE_ARG(a), got->fact[id].state, SLICE_ARG(b));
	}
}

/*
 * Hides the value: notes its salt in the day's file and gives its commitment.
 */
static bool
commit(void *arg, enum person_kind kind, struct slice value,
    char hex[PERSON_HEX + 1])
{
	struct fixture *f = arg;
	struct salts_entry e = { .kind = kind, .value = value };
	unsigned char mac[PERSON_SALT];
	struct text line;

	for (int i = 0; i < PERSON_SALT; i++)
		e.salt[i] = (unsigned char)pick(f, 256);
	if (!person_hash_value(f->hash, e.salt, kind, value, mac))
		return false;
	for (int i = 0; i < PERSON_COMMITMENT; i++)
		snprintf(e.commitment + 2 * i, 3, "%02x", mac[i]);
	memcpy(hex, e.commitment, PERSON_HEX + 1);
	text_init(&line, f->again, sizeof f->again);
	salts_print(&e, &line);
	assert_false(line.cut);
	if (f->file == NULL) {
		char name[16], path[64];
		struct text day;

		text_init(&day, name, sizeof name);
		day_print(f->day, &day);
		snprintf(path, sizeof path, "%s/%s", f->folder, name);
		assert_non_null(f->file = fopen(path, "w"));
	}
	assert_int_equal(fwrite(line.buf, 1, line.n, f->file), line.n);
	return true;
}

static void
end_of_day(struct fixture *f)
{
	if (f->file != NULL)
		fclose(f->file);
	f->file = NULL;
}

/* `hiding` NULL: nobody is hidden. */
static void
same_record(struct fixture *f, struct person_hiding *hiding)
{
	const struct verdict *v = &f->verdict;
	struct reader_record *r = &f->read;
	struct text out;
	struct fault fault;

	f->record.hiding = hiding;
	text_init(&out, f->line, sizeof f->line);
	assert_true(record_format(&f->record, &out));
	end_of_day(f);
	if (reader_parse(r, slice_make(out.buf, out.n), &fault) !=
	    READER_RECORD)
		fail_msg("%lu: %s\n%s", fault.column, fault.text,
		    out.buf);
	same_facts(&f->facts, &r->facts);
	assert_int_equal(r->event, f->record.event);
	assert_true(r->time_us == f->record.time_us);
	assert_int_equal(r->generation, v->generation);
	assert_int_equal(r->monitor, f->record.monitor);
	assert_int_equal(r->exempt, f->record.exempt);
	assert_int_equal(r->verdict, v->kind);
	assert_int_equal(r->waiver, v->waiver);
	assert_int_equal(r->nrcpts, f->record.nrcpts);
	for (size_t k = 0; k < r->nrcpts; k++)
		assert_true(slice_equal(inner(r->rcpts[k]),
		    inner(f->rcpts[k].address)));
	for (size_t k = 0; k < r->nrcpts; k++)
		assert_true(slice_equal(f->rcpts[k].resolved,
		    r->resolved == NULL ? slice_make("", 0) :
		    r->resolved[k]));
	for (size_t k = 0; k < v->nresults; k++) {
		assert_int_equal(r->rules[k].tag, v->results[k].tag);
		assert_int_equal(r->rules[k].line, v->results[k].line);
		assert_true(slice_equal(r->rules[k].key,
		    v->results[k].key));
		assert_true(slice_equal(r->rules[k].requirement,
		    v->results[k].requirement));
		assert_string_equal(record_result(&r->rules[k]),
		    record_result(&v->results[k]));
	}
	assert_int_equal(r->has_would, v->waiver != WAIVER_NONE);
}

static void
test_what_is_written_is_read(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < ROUNDS; i++) {
		random_record(f);
		same_record(f, NULL);
	}
}

/*
 * With the salts a record reads as if nobody had been hidden; without them it
 * names nobody.
 */
static void
test_people_are_told_by_their_salts(void **state)
{
	struct fixture *f = *state;
	struct fault fault;
	uint64_t hidden = 0;

	assert_non_null(mkdtemp(strcpy(f->folder, "/tmp/tlspolicy-203-XXXXXX")));
	assert_non_null(f->hash = person_hash_new(&fault));
	for (f->day = 1; f->day < DAYS; f->day++) {
		struct person_hiding hiding = { .commit = commit, .arg = f,
			.day = f->day };
		struct salts *salts = salts_open(&fault);
		char path[64], name[16];
		struct text day;

		assert_non_null(salts);
		assert_true(salts_add(salts, f->folder, &fault));
		random_record(f);
		f->read.salts = salts;
		same_record(f, &hiding);
		assert_int_equal(f->read.hidden, 0);
		assert_true(f->read.private);
		f->read.salts = NULL;
		assert_int_equal(reader_parse(&f->read, slice_of(f->line),
		    &fault), READER_RECORD);
		hidden += f->read.hidden == 1U << SALTS_UNREADABLE;
		salts_close(salts);
		text_init(&day, name, sizeof name);
		day_print(f->day, &day);
		snprintf(path, sizeof path, "%s/%s", f->folder, name);
		unlink(path);
	}
	assert_in_range(hidden, DAYS / 2, DAYS);
	person_hash_free(f->hash);
	assert_int_equal(rmdir(f->folder), 0);
}

/* Cut anywhere, and with any byte changed: never more than an error. */
static void
test_damage_is_survived(void **state)
{
	struct fixture *f = *state;
	struct fault fault;
	struct text out;

	for (int i = 0; i < 20; i++) {
		random_record(f);
		text_init(&out, f->line, sizeof f->line);
		assert_true(record_format(&f->record, &out));
		for (size_t n = 0; n < out.n; n++) {
			char *exact = malloc(n == 0 ? 1 : n);

			memcpy(exact, out.buf, n);
			assert_int_not_equal(reader_parse(&f->read,
			    slice_make(exact, n), &fault), READER_RECORD);
			if (n > 0)
				exact[pick(f, (unsigned)n)] =
				    (char)pick(f, 256);
			assert_in_range(reader_parse(&f->read,
			    slice_make(exact, n), &fault), READER_RECORD,
			    READER_FAILED);
			free(exact);
		}
	}
}

static void
refused(struct fixture *f, const char *line, const char *why,
    unsigned long column)
{
	struct fault fault;

	assert_int_equal(reader_parse(&f->read, slice_of(line), &fault),
	    READER_BAD);
	assert_string_equal(fault.text, why);
	assert_int_equal(fault.column, column);
}

static void
test_refusals(void **state)
{
	struct fixture *f = *state;
	char deep[200];

	refused(f, "{\"v\":2,\"event\":\"message\"}", "expected schema 1: a "
	    "newer tlspolicy wrote this record, and a newer one is needed to "
	    "read it", 6);
	refused(f, "{\"v\":0}", "expected schema 1", 6);
	refused(f, "{\"event\":\"message\"}", "expected a schema, \"v\"", 20);
	refused(f, "{\"v\":1}", "expected an \"event\"", 8);
	refused(f, "{\"v\":1,\"event\":\"message\"}",
	    "expected a \"verdict\" and a \"time\"", 26);
	refused(f, "{\"v\":1,\"event\":\"massage\"}",
	    "expected a word of tlspolicy-audit(5)", 16);
	refused(f, "{\"v\":1,\"time\":\"2026-13-01T00:00:00Z\"}",
	    "expected a time as in RFC 3339, in UTC", 37);
	refused(f, "{\"v\":1} x}", "expected the end of the line", 9);
	refused(f, "{\"v\":1,\"x\":-1}", "expected a whole number", 12);
	refused(f, "{\"v\":1,\"session\":\"\\ud800x\"}",
	    "expected a whole character", 25);
	refused(f, "{\"v\":1,\"raw\":{\"i\":\"6\"}}",
	    "expected pairs of hex digits", 22);
	memset(deep, '[', sizeof deep);
	memcpy(deep, "{\"x\":", 5);
	deep[sizeof deep - 2] = '}';
	deep[sizeof deep - 1] = '\0';
	refused(f, deep, "expected less nesting", 22);
}

static void
test_order_and_unknown_members_do_not_matter(void **state)
{
	struct fixture *f = *state;
	struct fault fault;

	assert_int_equal(reader_parse(&f->read, slice_of(
	    " { \"verdict\" : \"accept\", \"new\":[1,{\"a\":null}], \"tls\":null,"
	    "\"time\":\"2026-03-01T12:00:00.5Z\", \"event\":\"message\","
	    "\"client\":{\"addr\":\"192.0.2.1\",\"name\":\"\\u0061\\ud83d\\udce7\"},"
	    "\"v\":1 } "), &fault), READER_RECORD);
	assert_true(f->read.time_us == INT64_C(1772366400500000));
	assert_true(slice_is(facts_value(&f->read.facts, FACT_CLIENT_NAME),
	    "a\xf0\x9f\x93\xa7"));
	assert_int_equal(f->read.facts.fact[FACT_CIPHER].state, FACT_ABSENT);
	assert_int_equal(f->read.facts.fact[FACT_CLIENT_RESOLVE].state,
	    FACT_NOT_TOLD);
}

static void
test_outbound(void **state)
{
	static const char line[] = "{\"v\":1,\"event\":\"outbound\","
	    "\"time\":\"2026-03-01T12:00:00.5Z\",\"generation\":7,"
	    "\"map\":\"access\",\"query\":\"tls_srv:a\\u0001\","
	    "\"answer\":\"ENCR:1\",\"result\":\"told\","
	    "\"inexpressible\":null,\"rules\":[{\"tag\":\"TLS_Srv\","
	    "\"key\":\"TLS_Srv:a\",\"line\":3}],\"mode\":\"monitor\"}";
	struct fixture *f = *state;
	const struct reader_outbound *o = &f->read.outbound;
	struct fault fault;

	assert_int_equal(reader_parse(&f->read, slice_of(line), &fault),
	    READER_OUTBOUND);
	assert_int_equal(f->read.event, RECORD_OUTBOUND);
	assert_true(slice_is(o->map, "access"));
	assert_true(slice_is(o->query, "tls_srv:a\1"));
	assert_true(slice_is(o->answer, "ENCR:1"));
	assert_true(slice_is(o->result, "told"));
	assert_int_equal(o->inexpressible.n, 0);
	assert_int_equal(f->read.nrules, 1);
	assert_int_equal(f->read.rules[0].line, 3);
	assert_true(f->read.monitor);
	assert_int_equal(f->read.facts.fact[FACT_MAIL_ADDR].value.n, 0);
	assert_int_equal(reader_parse(&f->read, slice_of("{\"v\":1,"
	    "\"event\":\"outbound\",\"query\":\"a\"}"), &fault), READER_BAD);
	assert_string_equal(fault.text, "expected a \"query\" and a \"time\"");
}

static void
test_notes_and_torn_lines(void **state)
{
	struct fixture *f = *state;
	struct fault fault;

	assert_int_equal(reader_parse(&f->read, slice_of(
	    "{\"v\":1,\"event\":\"torn\",\"torn\":5}"), &fault), READER_NOTE);
	assert_int_equal(reader_parse(&f->read, slice_of(
	    "{\"v\":1,\"event\":\"message\",\"ti"), &fault), READER_TORN);
	assert_int_equal(reader_parse(&f->read, slice_of("hello"), &fault),
	    READER_BAD);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_what_is_written_is_read),
		TEST(test_people_are_told_by_their_salts),
		TEST(test_damage_is_survived),
		TEST(test_refusals),
		TEST(test_order_and_unknown_members_do_not_matter),
		TEST(test_outbound),
		TEST(test_notes_and_torn_lines),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
