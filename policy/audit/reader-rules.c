/* Recipients and rules: lists that grow in the record's memory. */
#include <string.h>

#include "policy/audit/reader-internal.h"
#include "policy/facts/fromfield.h"

/* What record_result() has words for; `matched` is what was recorded at all. */
static const struct tag_result outcomes[] = {
	{ .matched = true, .answer = ANSWER_YES },
	{ .matched = true, .answer = ANSWER_NO },
	{ .matched = true, .answer = ANSWER_NO, .warn = true },
	{ .matched = true, .answer = ANSWER_CANNOT_TELL },
	{ .lookup_failed = true, .answer = ANSWER_CANNOT_TELL },
};
enum { OUTCOMES = sizeof outcomes / sizeof outcomes[0] };

/* What the rule alone would have come to, as far as the record tells. */
static enum verdict_kind
kind_alone(const struct tag_result *rule, enum verdict_kind came_to)
{
	struct requirement r;
	struct fault fault;

	if (rule->answer != ANSWER_NO || rule->warn)
		return VERDICT_TEMPFAIL;
	if (!requirement_parse(rule->requirement, rule->tag, &r, &fault) ||
	    r.class == CLASS_NONE) /* default-class is not recorded */
		return came_to == VERDICT_REJECT ? came_to : VERDICT_TEMPFAIL;
	return r.class == CLASS_PERM ? VERDICT_REJECT :
	    r.class == CLASS_HOLD ? VERDICT_HOLD : VERDICT_TEMPFAIL;
}

const struct tag_result *
reader_deciding_rule(const struct reader_record *r)
{
	enum verdict_kind came_to = r->has_would ? r->would : r->verdict;
	const struct tag_result *found = NULL;
	unsigned most = 0;

	for (size_t i = 0; i < r->nrules; i++) {
		const struct tag_result *rule = &r->rules[i];
		enum verdict_kind kind = kind_alone(rule, came_to);
		unsigned severity;

		if (rule->answer == ANSWER_YES || (r->reason ==
		    REASON_POLICY_ERROR && rule->answer == ANSWER_NO))
			continue;
		/* on-error = accept: or it would have been a tempfail. */
		severity = (rule->answer == ANSWER_NO && rule->warn) ||
		    (kind == VERDICT_TEMPFAIL && came_to == VERDICT_HOLD) ? 1 :
		    verdict_severity(kind, WAIVER_NONE);
		if (severity > most) {
			most = severity;
			found = rule;
		}
	}
	return found;
}

static const char *
tag_word(int i)
{
	return tag_row((enum tag)i)->name;
}

static const char *
result_word(int i)
{
	return record_result(&outcomes[i]);
}

static void *
larger(struct parse *p, const void *old, size_t n, size_t size)
{
	void *list;

	/* Lists grow by doubling: n is a power of two, or 0. */
	if (n != 0 && (n < 4 || (n & (n - 1)) != 0))
		return (void *)(uintptr_t)old;
	list = arena_alloc(&p->r->memory, (n == 0 ? 4 : 2 * n) * size);
	if (list == NULL)
		scan_fail(&p->scan, scan_no_memory);
	else if (n > 0)
		memcpy(list, old, n * size);
	return list;
}

bool
parse_rcpts(struct parse *p)
{
	struct reader_record *r = p->r;
	struct slice address;
	bool first = true;

	if (!scan_array(&p->scan))
		return false;
	while (scan_element(&p->scan, &first)) {
		struct slice *list = larger(p, r->rcpts, r->nrcpts,
		    sizeof *list);

		if (list == NULL || r->nrcpts == READER_RCPTS_MAX)
			return scan_fail(&p->scan, "fewer recipients");
		if (!scan_string(&p->scan, &address))
			return false;
		r->rcpts = list;
		r->rcpts[r->nrcpts++] = address;
	}
	return p->scan.error == NULL;
}

/* "resolved": one for each of "rcpts", which stand before it. */
bool
parse_resolved(struct parse *p)
{
	struct reader_record *r = p->r;
	size_t i = 0;
	bool first = true;

	r->resolved = arena_alloc(&r->memory,
	    (r->nrcpts + 1) * sizeof *r->resolved);
	if (r->resolved == NULL)
		return scan_fail(&p->scan, scan_no_memory);
	if (!scan_array(&p->scan))
		return false;
	memset(r->resolved, 0, r->nrcpts * sizeof *r->resolved);
	for (; scan_element(&p->scan, &first); i++) {
		if (i >= r->nrcpts)
			return scan_fail(&p->scan, "as many as recipients");
		if (!scan_string_or_null(&p->scan, &r->resolved[i]))
			return false;
	}
	return p->scan.error == NULL;
}

/* An address is a line of FACT_HEADER_FROM. */
bool
parse_header_from(struct parse *p)
{
	struct reader_record *r = p->r;
	struct slice mailbox;
	bool first = true;

	if (!scan_array(&p->scan))
		return false;
	p->header_told = true;
	while (scan_element(&p->scan, &first)) {
		struct slice *list = larger(p, r->header_from,
		    r->nheader_from, sizeof *list);

		if (list == NULL || r->nheader_from == READER_RCPTS_MAX)
			return scan_fail(&p->scan, "fewer mailboxes");
		if (!scan_string(&p->scan, &mailbox))
			return false;
		if (mailbox.n == 0 || slice_find(mailbox, '\n') < mailbox.n)
			return scan_fail(&p->scan, "a mailbox");
		r->header_from = list;
		r->header_from[r->nheader_from++] = mailbox;
	}
	return p->scan.error == NULL;
}

bool
parse_header_flaw(struct parse *p)
{
	enum fromfield_flaw flaw;
	const char *at = p->scan.p;

	if (!scan_string(&p->scan, &p->header_flaw))
		return false;
	if (fromfield_by_word(p->header_flaw, &flaw))
		return true;
	p->scan.p = at;
	return scan_fail(&p->scan, "a word of tlspolicy-audit(5)");
}

bool
parse_header_generation(struct parse *p)
{
	return scan_number(&p->scan, &p->r->header_generation);
}

static bool
parse_rule_member(struct parse *p, struct slice name, struct tag_result *rule)
{
	struct scan *s = &p->scan;
	uint64_t line;
	int value;

	if (slice_is(name, "tag")) {
		if (!parse_word(p, tag_word, TAG_CA, &value))
			return false;
		rule->tag = (enum tag)value;
		return true;
	}
	if (slice_is(name, "key"))
		return scan_string_or_null(s, &rule->key);
	if (slice_is(name, "requirement"))
		return scan_string_or_null(s, &rule->requirement);
	if (slice_is(name, "file"))
		return scan_string_or_null(s, &rule->file);
	if (slice_is(name, "rcpt"))
		return scan_string_or_null(s, &rule->rcpt);
	if (slice_is(name, "result")) {
		if (!parse_word(p, result_word, OUTCOMES, &value))
			return false;
		rule->matched = outcomes[value].matched;
		rule->lookup_failed = outcomes[value].lookup_failed;
		rule->answer = outcomes[value].answer;
		rule->warn = outcomes[value].warn;
		return true;
	}
	if (slice_is(name, "waiver")) {
		if (!parse_word_or_null(p, parse_waiver_word, WAIVER_ON_ERROR + 1,
		    &value))
			return false;
		rule->waiver = (enum waiver)value;
		return true;
	}
	if (!slice_is(name, "line"))
		return scan_skip(s);
	if (!scan_number(s, &line))
		return false;
	rule->line = (uint32_t)line;
	return true;
}

static bool
parse_rule(struct parse *p, struct tag_result *rule)
{
	struct slice name;
	bool first = true;

	*rule = outcomes[0];
	if (!scan_object(&p->scan))
		return false;
	while (scan_member(&p->scan, &first, &name))
		if (!parse_rule_member(p, name, rule))
			return false;
	return p->scan.error == NULL;
}

bool
parse_rules(struct parse *p)
{
	struct reader_record *r = p->r;
	bool first = true;

	if (!scan_array(&p->scan))
		return false;
	while (scan_element(&p->scan, &first)) {
		struct tag_result *list = larger(p, r->rules, r->nrules,
		    sizeof *list);

		if (list == NULL || r->nrules == READER_RULES_MAX)
			return scan_fail(&p->scan, "fewer rules");
		r->rules = list;
		if (!parse_rule(p, &r->rules[r->nrules]))
			return false;
		r->nrules++;
	}
	return p->scan.error == NULL;
}
