/*
 * Claims, and behind a line "---" the rules that they are about: each line is a
 * claim that reads the same again, or has a reason; what is false has a session
 * that the evaluator by itself, and every other claim, agrees with.
 */
#include "t/fuzz/fuzz.h"

#include "policy/prove/claims.h"
#include "policy/prove/prove.h"
#include "policy/prove/report.h"

/* Few claims and rules, so that each input is decided quickly. */
enum { CLAIMS_MAX_HERE = 4, RULES_MAX = 12, TODAY = 20786, DAY = 86400 };

static struct settings settings;
static struct prove_result results[CLAIMS_MAX_HERE];
static char path_of_store[512];

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	settings_init(&settings);
	snprintf(path_of_store, sizeof path_of_store, "%s", fuzz_path("prove"));
	return 0;
}

static void
check_report(void *arg, const struct fault *fault)
{
	FUZZ_CHECK(fault->kind == FAULT_DATA && fault->line > 0 &&
	    fault->column > 0 && fault->text[0] != '\0');
	++*(unsigned long *)arg;
}

static bool
same_who(const struct claim_who *a, const struct claim_who *b)
{
	return a->given == b->given && (!a->given || (a->key.n == b->key.n &&
	    memcmp(a->key.bytes, b->key.bytes, a->key.n) == 0));
}

static void
check_claim(const struct claim *c)
{
	struct claim again;
	struct fault fault;

	FUZZ_CHECK(claim_parse(c->text, TODAY, false, &again, &fault));
	for (int tag = 0; tag < CLAIM_TAGS; tag++)
		FUZZ_CHECK(same_who(&c->who[tag], &again.who[tag]));
	FUZZ_CHECK(c->first <= c->last && c->first == again.first &&
	    c->last == again.last && c->bad == again.bad && c->bad != 0 &&
	    c->bad < (1 << LEVEL_COUNT) - 1 &&
	    c->nconditions == again.nconditions &&
	    c->nconditions <= CLAIM_CONDITIONS_MAX);
}

static enum claim_level
level(enum verdict_kind kind)
{
	return verdict_refuses(kind) ? LEVEL_REFUSED :
	    kind == VERDICT_HOLD ? LEVEL_HELD : LEVEL_ACCEPTED;
}

/* MAIL, and RCPT where it comes to that. */
static enum claim_level
judge(struct store_reader *reader, const struct facts *facts, int32_t day)
{
	static struct verdict mail, rcpt;
	struct eval_options options;
	struct question q = { .scope = EVAL_MAIL, .facts = facts,
		.options = &options, .now = (int64_t)day * DAY + 77,
		.exempt = settings_exempt(&settings, facts), .reader = reader };

	settings_eval_options(&settings, &options);
	options.monitor = false;
	eval_session(&q, &mail);
	if (verdict_refuses(mail.kind))
		return LEVEL_REFUSED;
	q.scope = EVAL_RCPT;
	eval_session(&q, &rcpt);
	return level(mail.kind == VERDICT_HOLD && !verdict_refuses(rcpt.kind) ?
	    VERDICT_HOLD : rcpt.kind);
}

static bool
speaks_of(const struct claim *c, const struct prove_session *s,
    const struct facts *facts)
{
	for (int tag = 0; tag < CLAIM_TAGS; tag++)
		if (c->who[tag].given &&
		    !prove_session_is_meant(c, (enum tag)tag, facts))
			return false;
	return s->day >= c->first && s->day <= c->last &&
	    claim_conditions_hold(c, facts) &&
	    (!c->one_mta || c->mta == s->mta) &&
	    (!c->without_auth || !facts_filled(facts, FACT_AUTH_AUTHEN)) &&
	    (!c->not_exempt || !settings_exempt(&settings, facts));
}

/* Claims of what is accepted do not speak of failed handshakes. */
static bool
has_failed_handshake(const struct facts *facts)
{
	struct slice verify = facts_value(facts, FACT_VERIFY);

	return verify.n > 0 && !slice_is(verify, "OK") &&
	    !slice_is(verify, "TRUSTED") && !slice_is(verify, "NO") &&
	    !slice_is(verify, "NONE") && !slice_is(verify, "FAIL") &&
	    !slice_is(verify, "NOT");
}

static void
check_false(const struct claims *claims, size_t i, struct store_reader *reader)
{
	const struct prove_session *s = &results[i].session;
	static struct facts facts;
	enum claim_level came;

	FUZZ_CHECK(prove_session_facts(s, &facts));
	came = judge(reader, &facts, s->day);
	FUZZ_CHECK(speaks_of(&claims->claims[i], s, &facts) &&
	    (claims->claims[i].bad >> came & 1) != 0 &&
	    results[i].verdict[0] != '\0');
	for (size_t k = 0; k < claims->n; k++)
		FUZZ_CHECK((results[k].outcome != PROVE_HOLDS &&
		    results[k].outcome != PROVE_EMPTY) ||
		    has_failed_handshake(&facts) ||
		    !speaks_of(&claims->claims[k], s, &facts) ||
		    (claims->claims[k].bad >> came & 1) == 0);
}

static void
check_told(const struct claims *claims, size_t i)
{
	char memory[64 * 1024];
	struct text text;
	json_t *told = prove_report_json(&claims->claims[i],
	    &claims->places[i], &results[i], "tlspolicy check");

	FUZZ_CHECK(json_is_object(told));
	json_decref(told);
	if (results[i].outcome != PROVE_FALSE)
		return;
	text_init(&text, memory, sizeof memory);
	prove_report_macros(&results[i].session, &text);
	FUZZ_CHECK(text.n > 0 && !text.cut &&
	    memchr(memory, '\n', text.n) == NULL);
}

static void
prove(const struct claims *claims, struct store_reader *reader)
{
	static struct prove_ground ground;
	struct prover prover;

	FUZZ_CHECK(prove_ground_open(&ground, reader, &settings,
	    claims->claims, claims->n));
	prover_init(&prover, &ground);
	for (size_t i = 0; i < claims->n; i++) {
		FUZZ_CHECK(prover_try(&prover, &claims->claims[i],
		    &results[i]));
		FUZZ_CHECK(results[i].outcome < PROVE_OUTCOMES &&
		    (results[i].outcome != PROVE_UNDECIDED ||
		    results[i].why != NULL));
		check_told(claims, i);
	}
	for (size_t i = 0; i < claims->n; i++)
		if (results[i].outcome == PROVE_FALSE)
			check_false(claims, i, reader);
	prover_free(&prover);
	prove_ground_free(&ground);
}

static void
prove_about(const struct claims *claims, struct slice rules)
{
	struct rulefile file;
	struct store_reader reader;
	struct store *store;
	struct fault fault;

	rulefile_init(&file, NULL, NULL);
	FUZZ_CHECK(rulefile_read_text(&file, rules, "rules", &fault));
	if (rulefile_finish(&file) && file.n <= RULES_MAX) {
		FUZZ_CHECK(rebuild_store(path_of_store, &file,
		    &(struct authorship){ .now = 1 }, REBUILD_SCRATCH, NULL,
		    NULL, &fault));
		store = store_open(path_of_store, &fault);
		FUZZ_CHECK(store != NULL &&
		    store_begin(store, &reader, &fault));
		prove(claims, &reader);
		store_end(&reader);
		store_close(store);
	}
	rulefile_free(&file);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char mark[] = "\n---\n";
	const char *at = memmem(data, size, mark, sizeof mark - 1);
	size_t n = at == NULL ? size : (size_t)(at + 1 - (const char *)data);
	unsigned long reported = 0;
	struct claims claims;
	struct fault fault;
	char path[32];
	int fd = fuzz_file(data, n, path);

	claims_init(&claims, TODAY, false, check_report, &reported);
	if (claims_read(&claims, path, &fault)) {
		FUZZ_CHECK(claims.bad_lines == reported);
		for (size_t i = 0; i < claims.n; i++)
			check_claim(&claims.claims[i]);
		if (at != NULL && claims.n > 0 && claims.n <= CLAIMS_MAX_HERE)
			prove_about(&claims, slice_make(at + sizeof mark - 1,
			    size - n - sizeof mark + 2));
	} else {
		FUZZ_CHECK(fault.text[0] != '\0');
	}
	claims_free(&claims);
	close(fd);
	return 0;
}
