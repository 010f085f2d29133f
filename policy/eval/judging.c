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
judging_trace(const struct judging *j, const char *test,
    const struct observation *observation, enum answer answer)
{
	trace_line(j->q->trace, "  %s: wanted %s, found %s: %s", test,
	    observation->wanted.buf, observation->found.buf, answer_words[answer]);
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
	text_clear(&c->observation.found);
	if (facts_in_clear(facts))
		text_puts(&c->observation.found, "a session in clear");
	else {
		text_puts(&c->observation.found, "verify=");
		text_put_printable(&c->observation.found,
		    facts_verify_word(facts));
	}
}

static void
start_finding(const struct judging *j, struct judgement *c)
{
	observation_init(&c->observation);
	c->observation.wanted.utf8 = c->observation.found.utf8 = j->q->utf8;
}

enum answer
judging_handshake(const struct judging *j, struct judgement *c)
{
	if (!judging_handshake_failed(j->q->facts))
		return ANSWER_YES;
	start_finding(j, c);
	text_puts(&c->observation.wanted, "a completed TLS handshake");
	found_verify(c, j->q->facts);
	c->observation.reason = REASON_NOT_VERIFIED;
	judging_trace(j, "handshake", &c->observation, ANSWER_NO);
	return ANSWER_NO;
}

/*
 * `wanted` and `found` are filled in for a failure, or when there is a trace.
 */
static bool
needs_words(const struct judging *j, enum answer answer)
{
	return answer != ANSWER_YES || j->q->trace != NULL;
}

static bool
is_verified(const struct judging *j, enum need need)
{
	if (need == NEED_DANE) /* sendmail's word for "by TLSA records" */
		return facts_verify(j->q->facts) == VERIFY_TRUSTED;
	return need != NEED_VERIFY || facts_verified(j->q->facts);
}

static enum answer
test_verify(const struct judging *j, struct judgement *c)
{
	enum need need = c->found.requirement.need;
	enum answer answer = is_verified(j, need) ? ANSWER_YES : ANSWER_NO;

	if ((need != NEED_VERIFY && need != NEED_DANE) ||
	    !needs_words(j, answer))
		return ANSWER_YES;
	start_finding(j, c);
	text_puts(&c->observation.wanted, need == NEED_DANE ?
	    "a certificate verified by DANE" : "a verified certificate");
	found_verify(c, j->q->facts);
	c->observation.reason = facts_in_clear(j->q->facts) ? REASON_PLAINTEXT :
	    REASON_NOT_VERIFIED;
	judging_trace(j, need == NEED_DANE ? "DANE" : "VERIFY",
	    &c->observation, answer);
	return answer;
}

static enum answer
test_bits(const struct judging *j, struct judgement *c)
{
	const struct requirement *r = &c->found.requirement;
	unsigned have = facts_bits(j->q->facts);
	enum answer answer = have >= r->bits ? ANSWER_YES : ANSWER_NO;

	if (!r->has_bits || !needs_words(j, answer))
		return ANSWER_YES;
	start_finding(j, c);
	text_printf(&c->observation.wanted, "at least %u bits", r->bits);
	if (facts_in_clear(j->q->facts) && have == 0)
		text_puts(&c->observation.found, "a session in clear");
	else
		text_printf(&c->observation.found, "%u bits", have);
	c->observation.reason = facts_in_clear(j->q->facts) ? REASON_PLAINTEXT :
	    REASON_TOO_WEAK;
	judging_trace(j, "bits", &c->observation, answer);
	c->bits_failed = answer != ANSWER_YES;
	return answer;
}

static enum answer
issuer_known(void *arg, struct slice tag, struct slice dn)
{
	struct store_reader *reader = arg;
	struct stored_rules rules;
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
test_kind(const struct judging *j, struct judgement *c,
    const struct predicate *predicate, unsigned first, bool alternatives)
{
	const struct requirement *r = &c->found.requirement;
	const struct item_row *row = r->items[first].row;
	enum answer answer = ANSWER_NO;

	start_finding(j, c);
	for (unsigned i = first; i < (alternatives ? r->nitems : first + 1);
	    i++) {
		enum answer one;

		if (r->items[i].row != row)
			continue;
		text_puts(&c->observation.wanted, i > first ? " or " : "");
		text_clear(&c->observation.found);
		one = row->test(predicate, r->items[i].value, &c->observation);
		judging_trace(j, row->name, &c->observation, one);
		if (one == ANSWER_YES)
			return one;
		if (one == ANSWER_CANNOT_TELL)
			answer = one;
	}
	if (answer == ANSWER_CANNOT_TELL)
		c->observation.reason = REASON_POLICY_ERROR;
	c->unfed = answer == ANSWER_CANNOT_TELL &&
	    macro_fed(j->q->facts->dialect, row->fact);
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
test_items(const struct judging *j, struct judgement *c)
{
	const struct requirement *r = &c->found.requirement;
	struct predicate predicate = {
		.facts = j->q->facts,
		.tag = c->result.tag,
		.believe_unverified = j->q->options->compat_sendmail,
		.issuer_known = issuer_known,
		.suite_listed = suite_listed,
		.arg = j->reader
	};

	for (unsigned i = 0; i < r->nitems; i++) {
		const struct item_row *row = r->items[i].row;
		bool alternatives = item_is_alternative(row,
		    predicate.believe_unverified);
		enum answer answer;

		if (row->test == NULL || (alternatives && has_stood(r, i)))
			continue;
		answer = test_kind(j, c, &predicate, i, alternatives);
		if (answer != ANSWER_YES)
			return answer;
	}
	return ANSWER_YES;
}

/* Only facts from a mail log can leave open whether there was TLS. */
static enum answer
test_told(const struct judging *j, struct judgement *c)
{
	if (facts_tls_told(j->q->facts))
		return ANSWER_YES;
	start_finding(j, c);
	text_puts(&c->observation.wanted, "to know of the session's TLS");
	text_puts(&c->observation.found, "a log that does not tell");
	c->observation.reason = REASON_POLICY_ERROR;
	judging_trace(j, "TLS", &c->observation, ANSWER_CANNOT_TELL);
	return ANSWER_CANNOT_TELL;
}

/* Order of the tests: sendmail's TLS_connection. */
enum answer
judging_rule(const struct judging *j, struct judgement *c)
{
	enum answer answer;

	if (c->result.tag == TAG_TRY) {
		start_finding(j, c);
		c->observation.reason = REASON_NO_TLS;
		return c->found.requirement.need == NEED_NO ? ANSWER_NO :
		    ANSWER_YES;
	}
	if ((answer = judging_handshake(j, c)) != ANSWER_YES ||
	    c->found.requirement.need == NEED_OK)
		return answer;
	if ((answer = test_told(j, c)) != ANSWER_YES ||
	    (answer = test_verify(j, c)) != ANSWER_YES ||
	    (answer = test_bits(j, c)) != ANSWER_YES)
		return answer;
	return test_items(j, c);
}
