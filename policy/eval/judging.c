/*
 * One function a test; each finds words only for what does not hold, or for a
 * trace.
 */
#include "policy/eval/judging.h"
#include "policy/facts/macro.h"

static const char *const answer_words[] = {
	[ANSWER_NO] = "no",
	[ANSWER_YES] = "yes",
	[ANSWER_CANNOT_TELL] = "cannot tell",
};

void
judging_trace(const struct question *q, const char *test,
    const struct judgement *c, enum answer answer)
{
	trace_line(q->trace, "  %s: wanted %s, found %s: %s", test,
	    c->test.wanted.buf, c->test.found.buf, answer_words[answer]);
}

/*
 * A handshake that went wrong fails always, rule or no rule: in sendmail's
 * TLS_connection these words come before anything else.
 */
bool
judging_handshake_failed(const struct facts *facts)
{
	switch (facts_verify(facts)) {
	case VERIFY_SOFTWARE:
	case VERIFY_PROTOCOL:
	case VERIFY_CONFIG:
	case VERIFY_DANE_FAIL:
		return true;
	default:
		return false;
	}
}

static void
found_verify(struct judgement *c, const struct facts *facts)
{
	text_clear(&c->test.found);
	if (facts_in_clear(facts))
		text_puts(&c->test.found, "a session in clear");
	else {
		text_puts(&c->test.found, "verify=");
		text_put_printable(&c->test.found,
		    facts_verify_word(facts));
	}
}

static void
start_finding(const struct question *q, struct judgement *c)
{
	predicate_begin(&c->test);
	c->test.wanted.utf8 = c->test.found.utf8 = q->utf8;
}

enum answer
judging_handshake(const struct question *q, struct judgement *c)
{
	if (!judging_handshake_failed(q->facts))
		return ANSWER_YES;
	start_finding(q, c);
	text_puts(&c->test.wanted, "a completed TLS handshake");
	found_verify(c, q->facts);
	c->test.reason = REASON_NOT_VERIFIED;
	judging_trace(q, "handshake", c, ANSWER_NO);
	return ANSWER_NO;
}

/*
 * `wanted` and `found` are filled in for a failure, or when there is a trace.
 */
static bool
needs_words(const struct question *q, enum answer answer)
{
	return answer != ANSWER_YES || q->trace != NULL;
}

static bool
is_verified(const struct question *q, enum need need)
{
	if (need == NEED_DANE) /* sendmail's word for "by TLSA records" */
		return facts_verify(q->facts) == VERIFY_TRUSTED;
	return need != NEED_VERIFY || facts_verified(q->facts);
}

static enum answer
test_verify(const struct question *q, struct judgement *c)
{
	enum need need = c->requirement.need;
	enum answer answer = is_verified(q, need) ? ANSWER_YES : ANSWER_NO;

	if ((need != NEED_VERIFY && need != NEED_DANE) ||
	    !needs_words(q, answer))
		return ANSWER_YES;
	start_finding(q, c);
	text_puts(&c->test.wanted, need == NEED_DANE ?
	    "a certificate verified by DANE" : "a verified certificate");
	found_verify(c, q->facts);
	c->test.reason = facts_in_clear(q->facts) ? REASON_PLAINTEXT :
	    REASON_NOT_VERIFIED;
	judging_trace(q, need == NEED_DANE ? "DANE" : "VERIFY", c, answer);
	return answer;
}

static enum answer
test_bits(const struct question *q, struct judgement *c)
{
	const struct requirement *r = &c->requirement;
	unsigned have = facts_bits(q->facts);
	enum answer answer = have >= r->bits ? ANSWER_YES : ANSWER_NO;

	if (!r->has_bits || !needs_words(q, answer))
		return ANSWER_YES;
	start_finding(q, c);
	text_printf(&c->test.wanted, "at least %u bits", r->bits);
	if (facts_in_clear(q->facts) && have == 0)
		text_puts(&c->test.found, "a session in clear");
	else
		text_printf(&c->test.found, "%u bits", have);
	c->test.reason = facts_in_clear(q->facts) ? REASON_PLAINTEXT :
	    REASON_TOO_WEAK;
	judging_trace(q, "bits", c, answer);
	c->bits_failed = answer != ANSWER_YES;
	return answer;
}

static enum answer
issuer_known(void *arg, struct slice tag, struct slice dn)
{
	struct store_reader *reader = arg;
	struct slice rules;
	struct key key;

	if (!key_of_issuer(tag, dn, &key))
		return ANSWER_NO;
	switch (store_get(reader, &key, &rules)) {
	case LOOKUP_FOUND:
		return ANSWER_YES;
	case LOOKUP_ABSENT:
		return ANSWER_NO;
	default:
		return ANSWER_CANNOT_TELL;
	}
}

static enum answer
suite_listed(void *arg, struct slice list, unsigned id)
{
	const uint16_t *ids;
	size_t low = 0, high;

	if (store_suites(arg, list, &ids, &high) != LOOKUP_FOUND)
		return ANSWER_CANNOT_TELL;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (ids[middle] == id)
			return ANSWER_YES;
		if (ids[middle] < id)
			low = middle + 1;
		else
			high = middle;
	}
	return ANSWER_NO;
}

/*
 * The item at `first` and, where its kind has alternatives, the others of its
 * kind until one holds.  What could not be told outweighs what does not hold.
 */
static enum answer
test_kind(const struct question *q, struct judgement *c, unsigned first,
    bool alternatives)
{
	const struct requirement *r = &c->requirement;
	const struct item_row *row = r->items[first].row;
	enum answer answer = ANSWER_NO;

	start_finding(q, c);
	for (unsigned i = first; i < (alternatives ? r->nitems : first + 1);
	    i++) {
		enum answer one;

		if (r->items[i].row != row)
			continue;
		text_puts(&c->test.wanted, i > first ? " or " : "");
		text_clear(&c->test.found);
		one = row->test(&c->test, r->items[i].value);
		judging_trace(q, row->name, c, one);
		if (one == ANSWER_YES)
			return one;
		if (one == ANSWER_CANNOT_TELL)
			answer = one;
	}
	if (answer == ANSWER_CANNOT_TELL)
		c->test.reason = REASON_POLICY_ERROR;
	c->unfed = answer == ANSWER_CANNOT_TELL &&
	    macro_fed(q->facts->dialect, row->fact);
	c->item = &r->items[first];
	return answer;
}

/* An item of the same kind stands before this one. */
static bool
has_stood(const struct requirement *r, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (r->items[i].row == r->items[n].row)
			return true;
	return false;
}

static enum answer
test_items(const struct question *q, struct judgement *c)
{
	const struct requirement *r = &c->requirement;

	c->test.facts = q->facts;
	c->test.tag = c->result.tag;
	c->test.believe_unverified = q->options->compat_sendmail;
	c->test.issuer_known = issuer_known;
	c->test.suite_listed = suite_listed;
	c->test.arg = q->reader;
	for (unsigned i = 0; i < r->nitems; i++) {
		const struct item_row *row = r->items[i].row;
		bool alternatives = item_is_alternative(row,
		    c->test.believe_unverified);
		enum answer answer;

		if (row->test == NULL || (alternatives && has_stood(r, i)))
			continue;
		answer = test_kind(q, c, i, alternatives);
		if (answer != ANSWER_YES)
			return answer;
	}
	return ANSWER_YES;
}

/* Only facts from a mail log can leave open whether there was TLS. */
static enum answer
test_told(const struct question *q, struct judgement *c)
{
	if (facts_tls_told(q->facts))
		return ANSWER_YES;
	start_finding(q, c);
	text_puts(&c->test.wanted, "to know of the session's TLS");
	text_puts(&c->test.found, "a log that does not tell");
	c->test.reason = REASON_POLICY_ERROR;
	judging_trace(q, "TLS", c, ANSWER_CANNOT_TELL);
	return ANSWER_CANNOT_TELL;
}

/* Order of the tests: sendmail's TLS_connection. */
enum answer
judging_rule(const struct question *q, struct judgement *c)
{
	enum answer answer;

	if (c->result.tag == TAG_TRY) {
		start_finding(q, c);
		c->test.reason = REASON_NO_TLS;
		return c->requirement.need == NEED_NO ? ANSWER_NO :
		    ANSWER_YES;
	}
	if ((answer = judging_handshake(q, c)) != ANSWER_YES ||
	    c->requirement.need == NEED_OK)
		return answer;
	if ((answer = test_told(q, c)) != ANSWER_YES ||
	    (answer = test_verify(q, c)) != ANSWER_YES ||
	    (answer = test_bits(q, c)) != ANSWER_YES)
		return answer;
	return test_items(q, c);
}
