/*
 * A claim is read as phrases, a row each: words to the letter, and values.  The
 * rows are the grammar of tlspolicy-claims(5); a test holds them together.
 */
#include <string.h>

#include "policy/facts/suite.h"
#include "policy/prove/claim.h"
#include "policy/rules/never.h"
#include "policy/rules/requirement.h"

enum { PHRASE_WORDS_MAX = 4, DAY_LATEST = INT32_MAX };

/* Where the reading of a claim has come to. */
struct reading {
	struct slice text, rest; /* rest: behind the last word that was taken */
	int32_t today;
	bool as_sendmail, dated;
	struct claim *claim;
	struct fault *fault;
};

struct phrase {
	const char *words; /* WHO, N, VERSION and DATE stand for a value */
	bool (*take)(struct reading *, const struct phrase *,
	    const struct slice *values);
	unsigned number; /* a tag, a weakness, levels ... */
	bool not;
	bool ends; /* a verdict */
};

static bool
fail(struct reading *r, struct slice at)
{
	r->fault->column = (at.p == NULL ? r->text.n :
	    (size_t)(at.p - r->text.p)) + 1;
	return false;
}

static bool
both_auths(struct reading *r, struct slice at)
{
	fault_set(r->fault, FAULT_DATA, "found both \"auth\" and \"without "
	    "auth\"; expected one of them");
	return fail(r, at);
}

static bool
take_who(struct reading *r, const struct phrase *p, const struct slice *values)
{
	enum tag tag = (enum tag)p->number;
	struct claim_who *who = &r->claim->who[tag];
	const struct never_row *row;
	struct never never;

	if (who->given) {
		fault_set(r->fault, FAULT_DATA, "found \"%.*s\" a second time; "
		    "expected one of a kind", (int)strcspn(p->words, " "),
		    p->words);
		return fail(r, values[0]);
	}
	if (tag == TAG_AUTH && r->claim->without_auth)
		return both_auths(r, values[0]);
	row = never_key(&never, tag, values[0], r->as_sendmail);
	if (row != NULL) {
		never_fault(&never, row, r->fault);
		return fail(r, values[0]);
	}
	who->given = true;
	return key_of(tag, values[0], &who->key, r->fault) ||
	    fail(r, values[0]);
}

static bool
add_condition(struct reading *r, enum claim_weakness weakness, bool not,
    unsigned number)
{
	struct claim *c = r->claim;

	if (c->nconditions == CLAIM_CONDITIONS_MAX) {
		fault_set(r->fault, FAULT_DATA, "more than %d conditions",
		    CLAIM_CONDITIONS_MAX);
		return fail(r, r->rest);
	}
	c->condition[c->nconditions++] = (struct claim_condition){ weakness,
		not, number };
	return true;
}

static bool
take_condition(struct reading *r, const struct phrase *p,
    const struct slice *values)
{
	(void)values;
	return add_condition(r, (enum claim_weakness)p->number, p->not, 0);
}

static bool
take_bits(struct reading *r, const struct phrase *p, const struct slice *values)
{
	unsigned long bits;

	if (!text_number(values[0], REQUIREMENT_BITS_MAX, &bits) || bits == 0) {
		fault_set(r->fault, FAULT_DATA, "found \"%.*s\"; expected a "
		    "number of bits, 1 to %d", SLICE_ARG(values[0]),
		    REQUIREMENT_BITS_MAX);
		return fail(r, values[0]);
	}
	if (p->ends)
		r->claim->bad = p->number;
	return add_condition(r, WEAK_BITS, p->not, (unsigned)bits);
}

static bool
take_version(struct reading *r, const struct phrase *p,
    const struct slice *values)
{
	int version = values[0].n == 3 ? suite_protocol(values[0]) : 0;

	if (version <= 0) {
		fault_set(r->fault, FAULT_DATA, "found \"%.*s\"; expected 1.0, "
		    "1.1, 1.2 or 1.3", SLICE_ARG(values[0]));
		return fail(r, values[0]);
	}
	return add_condition(r, WEAK_VERSION, p->not, (unsigned)version);
}

static bool
take_day(struct reading *r, struct slice word, int32_t *day)
{
	if (day_parse(word, day))
		return true;
	fault_set(r->fault, FAULT_DATA, "found \"%.*s\"; expected a date, "
	    "YYYY-MM-DD", SLICE_ARG(word));
	return fail(r, word);
}

enum { DAYS_ON, DAYS_BETWEEN, DAYS_SINCE, DAYS_UNTIL };

static bool
take_days(struct reading *r, const struct phrase *p, const struct slice *values)
{
	struct claim *c = r->claim;
	int32_t a, b;

	if (r->dated) {
		fault_set(r->fault, FAULT_DATA, "found days a second time; "
		    "expected them once");
		return fail(r, values[0]);
	}
	r->dated = true;
	if (!take_day(r, values[0], &a))
		return false;
	b = a;
	if (p->number == DAYS_BETWEEN && !take_day(r, values[1], &b))
		return false;
	if (b < a) {
		fault_set(r->fault, FAULT_DATA, "found %.*s behind %.*s; "
		    "expected the earlier day first", SLICE_ARG(values[1]),
		    SLICE_ARG(values[0]));
		return fail(r, values[1]);
	}
	c->first = p->number != DAYS_UNTIL || a < r->today ? a : r->today;
	c->last = p->number == DAYS_SINCE ? DAY_LATEST : b;
	return true;
}

static bool
take_word(struct reading *r, const struct phrase *p, const struct slice *values)
{
	struct claim *c = r->claim;

	(void)values;
	if (strcmp(p->words, "not exempt") == 0)
		c->not_exempt = true;
	else
		c->without_auth = true;
	return !c->without_auth || !c->who[TAG_AUTH].given ||
	    both_auths(r, r->rest);
}

static bool
take_mta(struct reading *r, const struct phrase *p, const struct slice *values)
{
	if (r->claim->one_mta) {
		fault_set(r->fault, FAULT_DATA, "found \"under\" a second time; "
		    "expected one MTA, or none for both");
		return fail(r, r->rest);
	}
	(void)values;
	r->claim->one_mta = true;
	r->claim->mta = (enum dialect_id)p->number;
	return true;
}

static bool
take_verdict(struct reading *r, const struct phrase *p,
    const struct slice *values)
{
	(void)values;
	r->claim->bad = p->number;
	return true;
}

static bool
take_always(struct reading *r, const struct phrase *p,
    const struct slice *values)
{
	(void)values;
	r->claim->bad = 1U << LEVEL_ACCEPTED;
	return add_condition(r, (enum claim_weakness)p->number, false, 0);
}

enum {
	A = 1 << LEVEL_ACCEPTED,
	H = 1 << LEVEL_HELD,
	R = 1 << LEVEL_REFUSED
};

/* Of two that begin alike the longer one stands first. */
static const struct phrase phrases[] = {
	{ .words = "from WHO", .take = take_who, .number = TAG_FROM },
	{ .words = "to WHO", .take = take_who, .number = TAG_TO },
	{ .words = "header WHO", .take = take_who, .number = TAG_HEADER },
	{ .words = "client WHO", .take = take_who, .number = TAG_CLT },
	{ .words = "auth WHO", .take = take_who, .number = TAG_AUTH },
	{ .words = "daemon WHO", .take = take_who, .number = TAG_DAEMON },
	{ .words = "without auth", .take = take_word },
	{ .words = "not exempt", .take = take_word },
	{ .words = "under sendmail", .take = take_mta,
	    .number = DIALECT_SENDMAIL },
	{ .words = "under Postfix", .take = take_mta,
	    .number = DIALECT_POSTFIX },
	{ .words = "in clear", .take = take_condition, .number = WEAK_CLEAR },
	{ .words = "encrypted", .take = take_condition, .number = WEAK_CLEAR,
	    .not = true },
	{ .words = "unverified", .take = take_condition,
	    .number = WEAK_UNVERIFIED },
	{ .words = "verified", .take = take_condition,
	    .number = WEAK_UNVERIFIED, .not = true },
	{ .words = "bits below N", .take = take_bits },
	{ .words = "bits at least N", .take = take_bits, .not = true },
	{ .words = "below TLS VERSION", .take = take_version },
	{ .words = "at least TLS VERSION", .take = take_version, .not = true },
	{ .words = "without PFS", .take = take_condition,
	    .number = WEAK_NO_PFS },
	{ .words = "with PFS", .take = take_condition, .number = WEAK_NO_PFS,
	    .not = true },
	{ .words = "without AEAD", .take = take_condition,
	    .number = WEAK_NO_AEAD },
	{ .words = "with AEAD", .take = take_condition, .number = WEAK_NO_AEAD,
	    .not = true },
	{ .words = "anonymous", .take = take_condition,
	    .number = WEAK_ANONYMOUS },
	{ .words = "not anonymous", .take = take_condition,
	    .number = WEAK_ANONYMOUS, .not = true },
	{ .words = "on DATE", .take = take_days, .number = DAYS_ON },
	{ .words = "between DATE and DATE", .take = take_days,
	    .number = DAYS_BETWEEN },
	{ .words = "since DATE", .take = take_days, .number = DAYS_SINCE },
	{ .words = "until DATE", .take = take_days, .number = DAYS_UNTIL },
	{ .words = "never accepted", .take = take_verdict, .number = A,
	    .ends = true },
	{ .words = "never held", .take = take_verdict, .number = H,
	    .ends = true },
	{ .words = "never refused", .take = take_verdict, .number = R,
	    .ends = true },
	{ .words = "always accepted", .take = take_verdict, .number = H | R,
	    .ends = true },
	{ .words = "always held", .take = take_verdict, .number = A | R,
	    .ends = true },
	{ .words = "always refused", .take = take_verdict, .number = A | H,
	    .ends = true },
	{ .words = "always verified", .take = take_always,
	    .number = WEAK_UNVERIFIED, .ends = true },
	{ .words = "always encrypted N", .take = take_bits, .number = A,
	    .ends = true },
	{ .words = "always encrypted", .take = take_always,
	    .number = WEAK_CLEAR, .ends = true },
};

/* The next word; its p is NULL at the end. */
static struct slice
next_word(struct slice *rest)
{
	struct slice word;

	*rest = slice_trim(*rest);
	word = slice_make(rest->n > 0 ? rest->p : NULL, 0);
	while (word.n < rest->n && !text_is_blank(rest->p[word.n]))
		word.n++;
	*rest = slice_from(*rest, word.n);
	return word;
}

static bool
is_value(struct slice word)
{
	return slice_is(word, "WHO") || slice_is(word, "N") ||
	    slice_is(word, "VERSION") || slice_is(word, "DATE");
}

/* How many words of the phrase stand at `rest`, which moves past them. */
static unsigned
match(const struct phrase *p, struct slice *rest, struct slice *values,
    unsigned *words)
{
	struct slice wanted = slice_of(p->words), word, have;
	unsigned matched = 0;
	bool good = true;

	for (*words = 0; (word = next_word(&wanted)).n > 0; (*words)++) {
		if (!good)
			continue;
		have = next_word(rest);
		if (is_value(word) && have.n > 0)
			*values++ = have;
		else if (!slice_equal_nocase(word, have))
			good = false;
		matched += good;
	}
	return matched;
}

/* Names what was expected behind the words that were understood. */
static bool
unknown(struct reading *r, struct slice rest, const struct phrase *best,
    unsigned matched)
{
	struct slice found = { NULL, 0 }, wanted = { NULL, 0 };

	for (unsigned i = 0; i <= matched; i++)
		found = next_word(&rest);
	if (best != NULL && matched > 0) {
		fault_set(r->fault, FAULT_DATA, "found \"%.*s\"; expected "
		    "\"%s\"", SLICE_ARG(found), best->words);
	} else if (found.n == 0)
		fault_set(r->fault, FAULT_DATA, "the claim ends here; expected "
		    "\"is never accepted\", \"always verified\" or another "
		    "verdict");
	else {
		struct nearest nearest;
		struct text hint;
		char buf[80];

		nearest_init(&nearest, found);
		for (size_t i = 0; i < sizeof phrases / sizeof phrases[0]; i++) {
			wanted = slice_of(phrases[i].words);
			nearest_offer(&nearest, next_word(&wanted));
		}
		text_init(&hint, buf, sizeof buf);
		nearest_print(&nearest, &hint);
		fault_set(r->fault, FAULT_DATA, "found \"%.*s\"%s; expected "
		    "from, to, header, client, auth, daemon, a condition or a "
		    "verdict",
		    SLICE_ARG(found), hint.buf);
	}
	return fail(r, found);
}

/* One phrase at r->rest; *ends: it was the verdict. */
static bool
read_phrase(struct reading *r, bool *ends)
{
	const struct phrase *best = NULL;
	unsigned most = 0;

	for (size_t i = 0; i < sizeof phrases / sizeof phrases[0]; i++) {
		struct slice values[PHRASE_WORDS_MAX], rest = r->rest;
		unsigned words, n = match(&phrases[i], &rest, values, &words);

		if (n == words) {
			r->rest = rest;
			*ends = phrases[i].ends;
			return phrases[i].take(r, &phrases[i], values);
		}
		if (n > most) {
			most = n;
			best = &phrases[i];
		}
	}
	return unknown(r, r->rest, best, most);
}

/* Takes a word without meaning of its own, which makes the claim a sentence. */
static bool
pass_over(struct reading *r, const char *filler)
{
	struct slice rest = r->rest;

	if (!slice_is_nocase(next_word(&rest), filler))
		return false;
	r->rest = rest;
	return true;
}

bool
claim_parse(struct slice text, int32_t today, bool as_sendmail,
    struct claim *claim, struct fault *fault)
{
	struct reading r = { .text = text, .rest = text, .today = today,
		.as_sendmail = as_sendmail, .claim = claim, .fault = fault };
	bool ends = false, begun = false;

	memset(claim, 0, sizeof *claim);
	fault_clear(fault);
	claim->text = slice_trim(text);
	claim->first = today;
	claim->last = DAY_LATEST;
	pass_over(&r, "mail");
	while (!ends) {
		if (begun)
			pass_over(&r, "and");
		if (!pass_over(&r, "is"))
			pass_over(&r, "are");
		if (!read_phrase(&r, &ends))
			return false;
		begun = true;
	}
	r.rest = slice_trim(r.rest);
	if (r.rest.n == 0)
		return true;
	fault_set(fault, FAULT_DATA, "found \"%.*s\" behind the verdict; "
	    "expected the end of the line", SLICE_ARG(r.rest));
	return fail(&r, r.rest);
}

static bool
is_weak(const struct claim_condition *c, const struct facts *facts)
{
	const struct suite *suite =
	    suite_find(facts_value(facts, FACT_CIPHER));
	int version;

	switch (c->weakness) {
	case WEAK_CLEAR:
		return !facts_filled(facts, FACT_CIPHER) &&
		    !facts_filled(facts, FACT_TLS_VERSION) &&
		    !facts_verified(facts) && facts_bits(facts) == 0;
	case WEAK_UNVERIFIED:
		return !facts_verified(facts);
	case WEAK_BITS:
		return facts_bits(facts) < c->number;
	case WEAK_VERSION:
		version = suite_protocol(facts_value(facts, FACT_TLS_VERSION));
		return version <= 0 || (unsigned)version < c->number;
	case WEAK_NO_PFS:
		return suite == NULL || !suite->authenticated || !suite->pfs;
	case WEAK_NO_AEAD:
		return suite == NULL || !suite->authenticated || !suite->aead;
	case WEAK_ANONYMOUS:
	case WEAK_COUNT:
		break;
	}
	return suite == NULL || !suite->authenticated;
}

bool
claim_conditions_hold(const struct claim *claim, const struct facts *facts)
{
	for (unsigned i = 0; i < claim->nconditions; i++)
		if (is_weak(&claim->condition[i], facts) ==
		    claim->condition[i].not)
			return false;
	return true;
}
