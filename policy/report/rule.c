/* Which rules were asked, and which refused what. */
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "policy/report/recent.h"

static int
compare(const void *pa, const void *pb)
{
	const struct report_rule *a = pa, *b = pb;
	int order = strcmp(a->key, b->key);

	return order != 0 ? order : strcmp(a->requirement, b->requirement);
}

void
report_free_rule(struct report_rule *rule)
{
	free(rule->key);
	free(rule->requirement);
	free(rule->file);
	free(rule);
}

static int32_t
end_of(const struct tag_result *seen)
{
	struct requirement requirement;
	struct fault fault;

	return requirement_parse(seen->requirement, seen->tag, &requirement,
	    &fault) ? requirement.until : DAY_ALWAYS_UNTIL;
}

static struct report_rule *
new_rule(struct report *r, const struct tag_result *seen)
{
	struct report_rule *rule = calloc(1, sizeof *rule);

	if (rule == NULL)
		return NULL;
	rule->key = report_copy(seen->key);
	rule->requirement = report_copy(seen->requirement);
	rule->file = report_copy(seen->file);
	if (r->rules == NULL)
		r->rules = calloc(REPORT_RULES_MAX,
		    sizeof(struct report_rule *));
	if (rule->key == NULL || rule->requirement == NULL ||
	    rule->file == NULL || r->rules == NULL ||
	    tsearch(rule, &r->rule_tree, compare) == NULL) {
		report_free_rule(rule);
		return NULL;
	}
	rule->until = end_of(seen);
	r->rules[r->nrules++] = rule;
	return rule;
}

/* NULL without r->failed: there is no more room. */
static struct report_rule *
look_for_rule(struct report *r, const struct tag_result *seen)
{
	struct report_rule wanted = { .key = report_copy(seen->key),
		.requirement = report_copy(seen->requirement) }, *rule = NULL;
	void **hit = NULL;

	if (wanted.key != NULL && wanted.requirement != NULL)
		hit = tfind(&wanted, &r->rule_tree, compare);
	else
		r->failed = true;
	if (hit != NULL) {
		rule = *hit;
	} else if (r->nrules == REPORT_RULES_MAX) {
		r->rules_left_out++;
	} else if (!r->failed) {
		rule = new_rule(r, seen);
		r->failed = rule == NULL;
	}
	free(wanted.key);
	free(wanted.requirement);
	return rule;
}

static struct report_rule *
find_rule_of(struct report *r, const struct tag_result *seen)
{
	struct report_rule *rule = report_recent_rule(r, seen->key,
	    seen->requirement);

	if (rule == NULL && (rule = look_for_rule(r, seen)) != NULL)
		report_note_rule(r, rule);
	return rule;
}

/* The rule that a refusal, or what a waiver spared, is laid to. */
static void
blame(struct report_rule *rule, const struct reader_record *record)
{
	if (report_is_refusal(record)) {
		rule->refused++;
		rule->refused_for[record->reason]++;
	} else {
		rule->would++;
		rule->would_for[record->reason]++;
	}
}

bool
report_add_rules(struct report *r, const struct reader_record *record)
{
	static const struct tag_result none;
	bool to_blame = report_is_refusal(record) ||
	    (record->waiver != WAIVER_NONE && record->event == RECORD_MESSAGE);
	const struct tag_result *decided = reader_deciding_rule(record);

	if (report_is_exempt(record))
		return true;
	for (size_t i = 0; i < record->nrules; i++) {
		const struct tag_result *seen = &record->rules[i];
		struct report_rule *rule = find_rule_of(r, seen);

		if (rule == NULL && r->failed)
			return false;
		if (rule != NULL) {
			rule->judged++;
			rule->held_true += seen->answer == ANSWER_YES;
			rule->last = record->time_us;
			rule->line = seen->line;
		}
		if (to_blame && seen == decided && rule != NULL)
			blame(rule, record);
	}
	if (to_blame && decided == NULL) {
		struct report_rule *rule = find_rule_of(r, &none);

		if (rule != NULL)
			blame(rule, record);
	}
	return !r->failed;
}
