/*
 * The shape: find the rule of a class, test it, note the result; the first
 * class that fails gives the verdict, the others are judged all the same so
 * that trace and audit log show them.
 *
 * A verdict that rests on something that could not be found out goes through
 * one place, settle(), which asks on-error.
 */
#include <string.h>

#include "policy/eval/eval.h"
#include "policy/eval/match.h"
#include "policy/eval/reply.h"

struct judging {
	const struct question *q;
	struct store_reader *reader; /* NULL: no store */
	const struct fault *why;
	struct verdict *verdict;
};

/* What a class came to; the slices live as long as the reader. */
struct class_judgement {
	enum tag tag;
	struct matched_rule found;
	bool has_rule;
	enum answer answer;
	struct observation observation;
	const struct item *item; /* that failed */
	bool bits_failed;
};

static const char *const answer_words[] = {
	[ANSWER_NO] = "no",
	[ANSWER_YES] = "yes",
	[ANSWER_CANNOT_TELL] = "cannot tell",
};

static void
trace_test(const struct judging *j, const char *test,
    const struct observation *observation, enum answer answer)
{
	trace_line(j->q->trace, "  %s: wanted %s, found %s: %s", test,
	    observation->wanted.buf, observation->found.buf, answer_words[answer]);
}

/*
 * A handshake that went wrong fails always, rule or no rule: in sendmail's
 * TLS_connection these words come before anything else.
 */
static bool
handshake_failed(const struct facts *facts)
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
found_verify(struct class_judgement *c, const struct facts *facts)
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

static enum answer
test_handshake(const struct judging *j, struct class_judgement *c)
{
	if (!handshake_failed(j->q->facts))
		return ANSWER_YES;
	observation_init(&c->observation);
	text_puts(&c->observation.wanted, "a completed TLS handshake");
	found_verify(c, j->q->facts);
	c->observation.reason = REASON_NOT_VERIFIED;
	trace_test(j, "handshake", &c->observation, ANSWER_NO);
	return ANSWER_NO;
}

/* Words are found for what does not hold, and for a trace. */
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
test_verify(const struct judging *j, struct class_judgement *c)
{
	enum need need = c->found.requirement.need;
	enum answer answer = is_verified(j, need) ? ANSWER_YES : ANSWER_NO;

	if ((need != NEED_VERIFY && need != NEED_DANE) ||
	    !needs_words(j, answer))
		return ANSWER_YES;
	observation_init(&c->observation);
	text_puts(&c->observation.wanted, need == NEED_DANE ?
	    "a certificate verified by DANE" : "a verified certificate");
	found_verify(c, j->q->facts);
	c->observation.reason = facts_in_clear(j->q->facts) ? REASON_PLAINTEXT :
	    REASON_NOT_VERIFIED;
	trace_test(j, need == NEED_DANE ? "DANE" : "VERIFY", &c->observation,
	    answer);
	return answer;
}

static enum answer
test_bits(const struct judging *j, struct class_judgement *c)
{
	const struct requirement *r = &c->found.requirement;
	unsigned have = facts_bits(j->q->facts);
	enum answer answer = have >= r->bits ? ANSWER_YES : ANSWER_NO;

	if (!r->has_bits || !needs_words(j, answer))
		return ANSWER_YES;
	observation_init(&c->observation);
	text_printf(&c->observation.wanted, "at least %u bits", r->bits);
	if (facts_in_clear(j->q->facts) && have == 0)
		text_puts(&c->observation.found, "a session in clear");
	else
		text_printf(&c->observation.found, "%u bits", have);
	c->observation.reason = facts_in_clear(j->q->facts) ? REASON_PLAINTEXT :
	    REASON_TOO_WEAK;
	trace_test(j, "bits", &c->observation, answer);
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
test_kind(const struct judging *j, struct class_judgement *c,
    const struct predicate *predicate, unsigned first, bool alternatives)
{
	const struct requirement *r = &c->found.requirement;
	const struct item_row *row = r->items[first].row;
	enum answer answer = ANSWER_NO;

	observation_init(&c->observation);
	for (unsigned i = first; i < (alternatives ? r->nitems : first + 1);
	    i++) {
		enum answer one;

		if (r->items[i].row != row)
			continue;
		text_puts(&c->observation.wanted, i > first ? " or " : "");
		text_clear(&c->observation.found);
		one = row->test(predicate, r->items[i].value, &c->observation);
		trace_test(j, row->name, &c->observation, one);
		if (one == ANSWER_YES)
			return one;
		if (one == ANSWER_CANNOT_TELL)
			answer = one;
	}
	if (answer == ANSWER_CANNOT_TELL)
		c->observation.reason = REASON_POLICY_ERROR;
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
test_items(const struct judging *j, struct class_judgement *c)
{
	const struct requirement *r = &c->found.requirement;
	struct predicate predicate = {
		.facts = j->q->facts,
		.tag = c->tag,
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

/* Order of the tests: sendmail's TLS_connection. */
static enum answer
test_rule(const struct judging *j, struct class_judgement *c)
{
	enum answer answer;

	if (c->tag == TAG_TRY) {
		observation_init(&c->observation);
		c->observation.reason = REASON_NO_TLS;
		return c->found.requirement.need == NEED_NO ? ANSWER_NO :
		    ANSWER_YES;
	}
	if ((answer = test_handshake(j, c)) != ANSWER_YES ||
	    c->found.requirement.need == NEED_OK)
		return answer;
	if ((answer = test_verify(j, c)) != ANSWER_YES ||
	    (answer = test_bits(j, c)) != ANSWER_YES)
		return answer;
	return test_items(j, c);
}

static struct class_result *
note_result(const struct judging *j, const struct class_judgement *c)
{
	struct verdict *v = j->verdict;
	struct class_result *result = &v->results[v->nresults++];

	memset(result, 0, sizeof *result);
	result->tag = c->tag;
	result->matched = c->has_rule;
	result->answer = c->answer;
	result->reason = c->answer == ANSWER_YES ? REASON_NONE :
	    c->observation.reason;
	if (!c->has_rule)
		return result;
	result->warn = c->found.requirement.class == CLASS_WARN;
	result->key = verdict_keep(v, c->found.rule.key);
	result->requirement = verdict_keep(v, c->found.rule.requirement);
	result->by = verdict_keep(v, c->found.requirement.by);
	result->file = verdict_keep(v, store_source(j->reader,
	    c->found.rule.source));
	result->line = c->found.rule.line;
	return result;
}

/*
 * Turns a class that did not hold into verdict and reply.  A class that only
 * warns, and with on-error = accept one that could not be judged, leaves the
 * verdict alone.
 */
static void
settle(const struct judging *j, const struct refusal *r, bool warn)
{
	struct verdict *v = j->verdict;
	enum waiver waiver = warn ? WAIVER_WARN :
	    r->reason == REASON_POLICY_ERROR && j->q->options->on_error_accept
	    ? WAIVER_ON_ERROR : WAIVER_NONE;

	if (v->kind != VERDICT_ACCEPT)
		return;
	if (waiver != WAIVER_NONE && v->waiver != WAIVER_NONE)
		return;
	reply_compose(r, j->q->options, v);
	v->waiver = waiver;
	v->deciding = (int)v->nresults - 1;
	if (waiver == WAIVER_NONE)
		v->kind = v->reply.kind;
}

static void
judge_found(const struct judging *j, struct class_judgement *c)
{
	struct refusal refusal = {
		.tag = c->tag,
		.class = CLASS_NONE,
		.observation = &c->observation,
		.facts = j->q->facts
	};

	c->answer = c->has_rule ? test_rule(j, c) : test_handshake(j, c);
	if (c->tag == TAG_AUTH && c->observation.reason == REASON_PLAINTEXT)
		c->observation.reason = REASON_AUTH_IN_CLEAR;
	if (c->has_rule || c->answer != ANSWER_YES)
		note_result(j, c);
	if (c->answer == ANSWER_YES)
		return;
	refusal.reason = c->answer == ANSWER_CANNOT_TELL ?
	    REASON_POLICY_ERROR : c->observation.reason;
	refusal.bits_failed = c->bits_failed;
	if (c->has_rule) {
		refusal.class = c->found.requirement.class;
		refusal.rule = &c->found.requirement;
		refusal.key = c->found.rule.key;
		refusal.msg = c->found.requirement.msg;
	}
	if (c->item != NULL) {
		refusal.item = c->item->row;
		refusal.item_value = c->item->value;
	}
	settle(j, &refusal, c->has_rule &&
	    c->found.requirement.class == CLASS_WARN &&
	    !handshake_failed(j->q->facts));
}

static void
judge_failure(const struct judging *j, struct class_judgement *c)
{
	struct refusal refusal = {
		.reason = REASON_POLICY_ERROR,
		.tag = c->tag,
		.facts = j->q->facts
	};

	c->answer = ANSWER_CANNOT_TELL;
	c->observation.reason = REASON_POLICY_ERROR;
	note_result(j, c)->lookup_failed = true;
	settle(j, &refusal, false);
}

static void
trace_failure(const struct judging *j)
{
	char line[FAULT_WHERE_MAX + FAULT_TEXT_MAX + 48];

	if (j->q->trace == NULL)
		return;
	fault_print(j->reader != NULL ? &j->reader->fault : j->why, line,
	    sizeof line);
	trace_line(j->q->trace, "  policy error: %s; on-error = %s", line,
	    j->q->options->on_error_accept ? "accept" : "tempfail");
}

/* sendmail looks at the handshake without a rule for its two hosts only. */
static bool
always_judged(enum tag tag)
{
	return tag == TAG_CLT || tag == TAG_SRV;
}

static void
judge_class(const struct judging *j, enum tag tag)
{
	struct class_judgement c;

	if (tag == TAG_AUTH && !facts_filled(j->q->facts, FACT_AUTH_AUTHEN) &&
	    !facts_filled(j->q->facts, FACT_AUTH_TYPE))
		return;
	c.tag = tag;
	c.has_rule = c.bits_failed = false;
	c.item = NULL;
	c.observation.reason = REASON_NONE;
	trace_line(j->q->trace, "%s: %s", tag_row(tag)->name,
	    tag_row(tag)->what);
	switch (j->reader == NULL ? LOOKUP_FAILED : match_rule(j->reader, tag,
	    j->q, &c.found)) {
	case LOOKUP_FOUND:
		c.has_rule = true;
		judge_found(j, &c);
		break;
	case LOOKUP_ABSENT:
		if (always_judged(tag))
			judge_found(j, &c);
		break;
	case LOOKUP_FAILED:
		trace_failure(j);
		judge_failure(j, &c);
		break;
	}
}

static void
judge_scope(const struct judging *j)
{
	switch (j->q->scope) {
	case EVAL_MAIL:
		for (int tag = 0; tag < TAG_COUNT; tag++)
			if (tag_row((enum tag)tag)->stage == STAGE_MAIL)
				judge_class(j, (enum tag)tag);
		break;
	case EVAL_RCPT:
		judge_class(j, TAG_TO);
		break;
	case EVAL_TAG:
		judge_class(j, j->q->tag);
		break;
	}
}

/* Nothing is refused to the exempt, nor in monitor mode; all is recorded. */
static void
apply_waivers(const struct judging *j)
{
	struct verdict *v = j->verdict;

	if (v->kind == VERDICT_ACCEPT)
		return;
	if (j->q->exempt)
		v->waiver = WAIVER_EXEMPT;
	else if (j->q->options->monitor)
		v->waiver = WAIVER_MONITOR;
	else
		return;
	v->kind = VERDICT_ACCEPT;
	trace_line(j->q->trace, "accepted all the same: %s",
	    v->waiver == WAIVER_EXEMPT ? "the client is exempt" :
	    "mode = monitor");
}

void
eval_session(const struct question *q, struct store_reader *reader,
    const struct fault *why, struct verdict *verdict)
{
	struct judging j = { q, reader, why, verdict };

	verdict_init(verdict);
	if (reader != NULL)
		verdict->generation = reader->info.generation;
	judge_scope(&j);
	apply_waivers(&j);
}
