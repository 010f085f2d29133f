/* What suggest proposes, and why not: the step of each domain, and no other. */
#include <stdio.h>
#include <string.h>

#include "policy/store/rebuild.h"
#include "policy/suggest/suggest-internal.h"
#include "t/unit.h"

#define DAY_US INT64_C(86400000000)
#define TLS13 "tls_version=TLSv1.3 cipher=TLS_AES_256_GCM_SHA384 cipher_bits=256"
#define TLS11 "tls_version=TLSv1.1 cipher=ECDHE-RSA-AES128-SHA cipher_bits=128"
#define DES3 "tls_version=TLSv1.2 cipher=DES-CBC3-SHA cipher_bits=112"
#define WEAK "tls_version=TLSv1.2 cipher=EXP-RC4-MD5 cipher_bits=40"
#define OWN "TLS_From:bank.example"
#define RULE(rule_text, rule_answer)                                          \
	{ .tag = TAG_FROM, .matched = true, .key = SLICE(OWN),                \
	    .requirement = SLICE(rule_text), .answer = rule_answer,           \
	    .file = SLICE("rules"), .line = 3 }
#define SLICE(text) { .p = text, .n = sizeof text - 1 }

/* `n` mails, one an hour, from day `day` on. */
struct mails {
	unsigned n;
	int day;
	const char *macros;
	struct tag_result rule; /* no key: no rule was met */
	bool refused;
	const char *client; /* NULL: the partner's own host */
};

#define STRANGER "[203.0.113.66] client_addr=203.0.113.66"

struct row {
	const char *name;
	struct mails mails[4];
	const char *want; /* a line of what is printed */
};

static const struct row rows[] = {
	{ "pinned: verified, one name", { { .n = 4, .macros = TLS13 " verify=OK "
	    "cn_subject=mx.bank.example" } }, OWN
	    "\tWARN+VERIFY+CN:mx.bank.example++VER:1.2++BY:4+20of+204+20mails,"
	    "+201970-01-01+20to+201970-01-01" },
	{ "verified, and no name is asked for", { { .n = 4, .macros = TLS13
	    " verify=OK cn_subject=mx.bank.example" } }, "# satisfied by 4 of "
	    "4: with 95 % confidence not more than 53 % of such mail fails it\n"
	    OWN "\tWARN+VERIFY+VER:1.2++BY:4+20of+204+20mails," },
	{ "pinned: the name in other letters", { { .n = 2, .macros = TLS13 " verify=OK "
	    "cn_subject=mx.bank.example" }, { .n = 2, .macros = TLS13
	    " verify=OK cn_subject=MX.bank.example" } }, OWN
	    "\tWARN+VERIFY+CN:mx.bank.example++VER:1.2++BY:4+20of+204" },
	{ "pinned: verified, two names", { { .n = 2, .macros = TLS13 " verify=OK "
	    "cn_subject=a" }, { .n = 2, .macros = TLS13 " verify=OK "
	    "cn_subject=b" } }, OWN "\tWARN+VERIFY+VER:1.2++BY:4" },
	{ "pinned: verified, no name", { { .n = 4, .macros = TLS13 " verify=OK" } },
	    OWN "\tWARN+VERIFY+VER:1.2++BY:4" },
	{ "pinned: what sendmail puts there", { { .n = 4, .macros = TLS13 " verify=OK "
	    "cn_subject=BadCertificateUnknown" } },
	    OWN "\tWARN+VERIFY+VER:1.2++BY:4" },
	{ "not each verified", { { .n = 3, .macros = TLS13 " verify=OK" },
	    { .n = 1, .macros = TLS13 " verify=FAIL" } },
	    OWN "\tWARN+ENCR:128+VER:1.2++BY:4" },
	{ "an old version", { { .n = 3, .macros = TLS13 " verify=NO" },
	    { .n = 1, .macros = TLS11 " verify=NO" } },
	    OWN "\tWARN+ENCR:128+BY:4" },
	{ "fewer bits", { { .n = 3, .macros = TLS13 " verify=NO" },
	    { .n = 1, .macros = DES3 " verify=NO" } },
	    OWN "\tWARN+ENCR:112+VER:1.2++BY:4" },
	{ "hardly any", { { .n = 4, .macros = WEAK " verify=NO" } },
	    OWN "\tWARN+ENCR:1+VER:1.2++BY:4" },
	{ "one in clear", { { .n = 5, .macros = TLS13 " verify=OK" },
	    { .n = 1, .macros = "" } },
	    "# bank.example: not every mail came over TLS (6 mails, 5 over" },
	{ "one in clear of a stranger", { { .n = 5, .macros = TLS13
	    " verify=OK" }, { .n = 1, .macros = "", .client = STRANGER } },
	    "# not obeyed, as it never satisfied it: 203.0.113.66, 1 mail, "
	    "last 1970-01-01\n" OWN "\tWARN+VERIFY+VER:1.2++BY:5+20of+206" },
	{ "one over TLS of a stranger", { { .n = 5, .macros = TLS13
	    " verify=OK" }, { .n = 1, .macros = TLS11 " verify=NO",
	    .client = STRANGER } },
	    OWN "\tWARN+VERIFY+VER:1.2++BY:5+20of+206" },
	{ "one in clear of a stranger, nobody verified", { { .n = 5,
	    .macros = TLS13 " verify=NO" }, { .n = 1, .macros = "",
	    .client = STRANGER } }, OWN "\tWARN+ENCR:128+VER:1.2++BY:5" },
	{ "too many of a stranger", { { .n = 30, .macros = TLS13 " verify=OK" },
	    { .n = 2, .macros = "", .client = STRANGER } },
	    "# bank.example: not every mail came over TLS (32 mails, 30" },
	{ "as many as may be", { { .n = 38, .macros = TLS13 " verify=OK" },
	    { .n = 2, .macros = "", .client = STRANGER } },
	    OWN "\tWARN+VERIFY+VER:1.2++BY:38+20of+2040" },
	{ "a stranger that has come over TLS as well", { { .n = 38,
	    .macros = TLS13 " verify=NO" }, { .n = 1, .macros = "",
	    .client = STRANGER }, { .n = 1, .macros = TLS13 " verify=NO",
	    .client = STRANGER } },
	    "# bank.example: not every mail came over TLS" },
	{ "nobody but strangers", { { .n = 1, .macros = "", .client =
	    STRANGER } }, "# bank.example: too few mails" },
	{ "too few without the stranger's", { { .n = 3, .macros = TLS13
	    " verify=OK" }, { .n = 1, .macros = "", .client = STRANGER } },
	    "# bank.example: too few mails" },
	{ "a stranger failed the rule", { { .n = 30, .macros = TLS13
	    " verify=OK", .rule = RULE("WARN+VERIFY", ANSWER_YES) },
	    { .n = 1, .day = 2, .macros = "", .client = STRANGER,
	    .rule = RULE("WARN+VERIFY", ANSWER_NO) } },
	    "# not obeyed, as it never satisfied it: 203.0.113.66, 1 mail, "
	    "last 1970-01-03\n" OWN "\tTEMP+VERIFY+BY:30+20of+2031" },
	{ "a stranger was there before the rule", { { .n = 1, .macros = "",
	    .client = STRANGER }, { .n = 30, .macros = TLS13 " verify=OK",
	    .rule = RULE("WARN+VERIFY", ANSWER_YES) } },
	    OWN "\tTEMP+VERIFY+BY:30+20of+2031" },
	{ "the partner was in clear before the rule", { { .n = 1, .macros = "" },
	    { .n = 30, .macros = TLS13 " verify=OK",
	    .rule = RULE("WARN+VERIFY", ANSWER_YES) } },
	    "# bank.example: judged again, a mail would have been refused" },
	{ "a stranger was refused", { { .n = 60, .macros = TLS13 " verify=OK",
	    .rule = RULE("TEMP+VERIFY", ANSWER_YES) }, { .n = 1, .macros = "",
	    .client = STRANGER, .refused = true,
	    .rule = RULE("TEMP+VERIFY", ANSWER_NO) } },
	    "203.0.113.66, 1 refused attempt, last 1970-01-01\n" OWN
	    "\tPERM+VERIFY+BY:60+20of+2060" },
	{ "of a stranger it could not be told", { { .n = 30, .macros = TLS13
	    " verify=OK", .rule = RULE("WARN+VERIFY", ANSWER_YES) },
	    { .n = 1, .day = 2, .macros = "", .client = STRANGER,
	    .rule = RULE("WARN+VERIFY", ANSWER_CANNOT_TELL) } },
	    "# bank.example: its rule was not satisfied each time" },
	{ "few mails", { { .n = 3, .macros = TLS13 " verify=OK" } },
	    "# bank.example: too few mails or days (3 mails, 3 over TLS)" },
	{ "refused ones are no evidence", { { .n = 3, .macros = TLS13
	    " verify=OK" }, { .n = 9, .macros = TLS13 " verify=OK",
	    .refused = true } }, "# bank.example: too few mails or days" },
	{ "WARN long enough", { { .n = 30, .macros = TLS13 " verify=OK",
	    .rule = RULE("WARN+VERIFY+BY:x", ANSWER_YES) } },
	    OWN "\tTEMP+VERIFY+BY:30+20of+2030+20mails" },
	{ "its place", { { .n = 30, .macros = TLS13 " verify=OK",
	    .rule = RULE("WARN+VERIFY", ANSWER_YES) } },
	    "# in place of rules:3: WARN+VERIFY" },
	{ "WARN, not yet", { { .n = 5, .macros = TLS13 " verify=OK",
	    .rule = RULE("WARN+VERIFY", ANSWER_YES) } },
	    "# bank.example: its rule is not old enough for the next step" },
	{ "TEMP, not yet", { { .n = 30, .macros = TLS13 " verify=OK",
	    .rule = RULE("TEMP+VERIFY", ANSWER_YES) } },
	    "# bank.example: its rule is not old enough for the next step" },
	{ "TEMP long enough", { { .n = 60, .macros = TLS13 " verify=OK",
	    .rule = RULE("VERIFY+CN:mx++MSG:no", ANSWER_YES) } },
	    "# bank.example: judged again, a mail would have been refused" },
	{ "TEMP long enough, and satisfied", { { .n = 60, .macros = TLS13
	    " verify=OK cn_subject=mx", .rule = RULE("VERIFY+CN:mx++BY:a++"
	    "MSG:no+20TLS", ANSWER_YES) } },
	    OWN "\tPERM+VERIFY+CN:mx++BY:60+20of+2060+20mails,+201970-01-01"
	    "+20to+201970-01-03++MSG:no+20TLS" },
	{ "failed once", { { .n = 30, .macros = TLS13 " verify=OK",
	    .rule = RULE("WARN+VERIFY", ANSWER_YES) }, { .n = 1, .day = 2,
	    .macros = TLS13 " verify=FAIL",
	    .rule = RULE("WARN+VERIFY", ANSWER_NO) } },
	    "# bank.example: its rule was not satisfied each time" },
	{ "failed before it was changed", { { .n = 30, .macros = TLS13
	    " verify=FAIL", .rule = RULE("WARN+VERIFY", ANSWER_NO) },
	    { .n = 30, .day = 2, .macros = TLS13 " verify=NO",
	    .rule = RULE("WARN+ENCR:112", ANSWER_YES) } },
	    OWN "\tTEMP+ENCR:112+BY:60+20of+2060" },
	{ "few since it was changed", { { .n = 30, .macros = TLS13
	    " verify=OK", .rule = RULE("WARN+ENCR:112", ANSWER_YES) },
	    { .n = 2, .day = 5, .macros = TLS13 " verify=OK",
	    .rule = RULE("WARN+VERIFY", ANSWER_YES) } },
	    "# bank.example: too few mails or days (32" },
	{ "final", { { .n = 60, .macros = TLS13 " verify=OK",
	    .rule = RULE("PERM+VERIFY", ANSWER_YES) } },
	    "# bank.example: has a rule that is final, dated or an exception" },
	{ "held", { { .n = 60, .macros = TLS13 " verify=OK",
	    .rule = RULE("HOLD+VERIFY", ANSWER_YES) } },
	    "# bank.example: has a rule that is final, dated or an exception" },
	{ "an exception", { { .n = 60, .macros = TLS13 " verify=OK",
	    .rule = RULE("OK", ANSWER_YES) } },
	    "# bank.example: has a rule that is final, dated or an exception" },
	{ "dated", { { .n = 60, .macros = TLS13 " verify=OK",
	    .rule = RULE("WARN+VERIFY+UNTIL:2099-01-01", ANSWER_YES) } },
	    "# bank.example: has a rule that is final, dated or an exception" },
	{ "no rule at all", { { .n = 60, .macros = TLS13 " verify=OK",
	    .rule = RULE("NONSENSE", ANSWER_YES) } },
	    "# bank.example: has a rule that is final, dated or an exception" },
	{ "another key refuses", { { .n = 60, .macros = TLS13 " verify=OK",
	    .rule = { .tag = TAG_FROM, .matched = true, .answer = ANSWER_YES,
	    .key = SLICE("TLS_From:example"), .file = SLICE("rules"),
	    .requirement = SLICE("PERM+ENCR:112") } } },
	    "# bank.example: rules with other keys refuse for it already" },
	{ "another key warns", { { .n = 60, .macros = TLS13 " verify=OK",
	    .rule = { .tag = TAG_FROM, .matched = true, .answer = ANSWER_YES,
	    .key = SLICE("TLS_From:"), .file = SLICE("rules"),
	    .requirement = SLICE("WARN+ENCR:112") } } },
	    OWN "\tWARN+VERIFY+VER:1.2++BY:60" },
	{ "another key is no rule", { { .n = 60, .macros = TLS13 " verify=OK",
	    .rule = { .tag = TAG_FROM, .matched = true, .answer = ANSWER_YES,
	    .key = SLICE("TLS_From:bank"), .file = SLICE("rules"),
	    .requirement = SLICE("?") } } },
	    "# bank.example: rules with other keys refuse for it already" },
	{ "a rule for the client", { { .n = 60, .macros = TLS13 " verify=OK",
	    .rule = { .tag = TAG_CLT, .matched = true, .answer = ANSWER_NO,
	    .key = SLICE("TLS_Clt:x"), .file = SLICE("rules"),
	    .requirement = SLICE("PERM+ENCR:112") } } },
	    OWN "\tWARN+VERIFY+VER:1.2++BY:60" },
};

typedef void each_record(void *arg, const struct reader_record *record);

static void
each(const struct row *row, each_record *take, void *arg)
{
	for (const struct mails *m = row->mails; m < row->mails +
	    UNIT_COUNT(row->mails) && m->n > 0; m++)
		for (unsigned i = 0; i < m->n; i++) {
			struct tag_result rule = m->rule;
			struct reader_record record;
			char macros[300];

			snprintf(macros, sizeof macros, "v=8.18.1 client_name="
			    "%s mail_addr=a@mail.bank.example %s", m->client !=
			    NULL ? m->client : "mx.bank.example "
			    "client_addr=192.0.2.1", m->macros);
			reader_record_init(&record);
			record.event = m->refused ? RECORD_REFUSED_MAIL :
			    RECORD_MESSAGE;
			record.time_us = 1 + m->day * DAY_US +
			    i * (DAY_US / 24);
			unit_facts(&record.facts, macros);
			record.rules = &rule;
			record.nrules = rule.key.n > 0;
			take(arg, &record);
			reader_record_free(&record);
		}
}

static void
first(void *arg, const struct reader_record *record)
{
	assert_true(suggest_add(arg, record));
}

struct second {
	struct suggest *suggest;
	struct store_reader reader;
};

static void
second(void *arg, const struct reader_record *record)
{
	struct second *s = arg;

	suggest_check(s->suggest, record, &s->reader);
}

static char *
suggested(const struct row *row)
{
	struct second state;
	struct suggest s;
	struct rulefile rules;
	struct store *store;
	struct fault f;
	const char *path = unit_path("suggested");
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);

	suggest_init(&s);
	s.min_mails = 4;
	s.min_days = 1;
	s.temp_days = 2;
	s.perm_days = 3;
	s.pin = strncmp(row->name, "pinned: ", 8) == 0;
	each(row, first, &s);
	assert_true(suggest_choose(&s));
	assert_true(suggest_rules(&s, &rules, &f));
	assert_true(rebuild_store(path, &rules,
	    &(struct authorship){ .now = 1 }, REBUILD_SCRATCH, NULL, NULL, &f));
	rulefile_free(&rules);
	assert_non_null(store = store_open(path, &f));
	assert_true(store_begin(store, &state.reader, &f));
	state.suggest = &s;
	each(row, second, &state);
	store_end(&state.reader);
	store_close(store);
	suggest_conclude(&s);
	suggest_print(&s, true, out);
	assert_int_equal(fclose(out), 0);
	suggest_free(&s);
	return text;
}

static void
test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		char *text = suggested(&rows[i]);

		if (strstr(text, rows[i].want) == NULL)
			unit_same(rows[i].name, rows[i].want, text);
		free(text);
	}
	unit_end();
}

/* One rule a domain at most, and never both a rule and a reason. */
static void
test_once(void **state)
{
	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		char *text = suggested(&rows[i]);
		bool rule = strstr(text, "\n" OWN) != NULL;

		unit_number(rows[i].name, !rule, strstr(text,
		    "\n# bank.example: ") != NULL);
		unit_number(rows[i].name, !rule, strstr(text,
		    "There is nothing to propose.") != NULL);
		free(text);
	}
	unit_end();
}

/* Of senders whose domain cannot be a key no rule is suggested. */
static void
test_names(void **state)
{
	static const struct {
		const char *sender, *want; /* "": no domain for a rule */
	} senders[] = {
		{ "a@bank.example", "bank.example" },
		{ "a@MX.Bank.Example", "bank.example" },
		{ "<>", "" }, { "a", "" }, { "a@localhost", "" },
		{ "a@[192.0.2.1]", "" }, { "a@b_c.example", "" },
		{ "a@b/c.example", "" },
	};
	struct suggest none;

	(void)state;
	suggest_init(&none);
	for (size_t i = 0; i < UNIT_COUNT(senders); i++) {
		char macros[200], name_text[256];
		struct reader_record record;
		struct text name;
		bool good;

		snprintf(macros, sizeof macros, "v=8.18.1 client_addr=192.0.2.1 "
		    "mail_addr=%s", senders[i].sender);
		reader_record_init(&record);
		unit_facts(&record.facts, macros);
		text_init(&name, name_text, sizeof name_text);
		good = suggest_name(&none, &record, &name);
		unit_number(senders[i].sender, senders[i].want[0] != '\0',
		    good);
		if (good)
			unit_same(senders[i].sender, senders[i].want,
			    name_text);
		reader_record_free(&record);
	}
	unit_end();
}

/* 1 - 0.05^(1/n) without a failure; the rest by R's binom.test(). */
static void
test_bound(void **state)
{
	static const struct {
		uint64_t n, failed;
		int millionths;
	} bounds[] = {
		{ 0, 0, 1000000 }, { 1, 0, 950000 }, { 2, 0, 776393 },
		{ 20, 0, 139108 }, { 60, 0, 48703 }, { 300, 0, 9936 },
		{ 1000000, 0, 3 }, { 20, 1, 216106 }, { 20, 20, 1000000 },
		{ 100, 5, 102253 }, { 1000000, 50000, 50360 },
	};

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(bounds); i++) {
		char name[64];

		snprintf(name, sizeof name, "%d of %d failed",
		    (int)bounds[i].failed, (int)bounds[i].n);
		unit_number(name, bounds[i].millionths, (long long)(0.5 +
		    1000000 * suggest_bound(bounds[i].n, bounds[i].failed)));
	}
	unit_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bound),
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_once),
		cmocka_unit_test(test_names),
	};

	return unit_main(tests);
}
