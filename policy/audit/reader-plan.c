/* What a record says of a plan, and records of a plan's beginning and end. */
#include "policy/audit/reader-internal.h"

static const char *
result_word(int i)
{
	return record_plan_result((enum record_plan_result)i);
}

static bool
parse_id(struct parse *p)
{
	struct slice hex;

	if (!scan_string_or_null(&p->scan, &hex))
		return false;
	return hex.p == NULL || plan_read_id(hex, &p->r->plan.id) ||
	    scan_fail(&p->scan, "16 hexadecimal digits");
}

static bool
parse_kind(struct parse *p, enum verdict_kind *kind)
{
	int value;

	if (!parse_word(p, parse_verdict_word, VERDICT_HOLD + 1, &value))
		return false;
	*kind = (enum verdict_kind)value;
	return true;
}

static bool
parse_plan_word(struct parse *p, struct slice name, bool *found)
{
	struct record_plan *plan = &p->r->plan;
	int value = 0;

	*found = true;
	if (slice_is(name, "result")) {
		if (!parse_word(p, result_word, RECORD_PLAN_COUNT, &value))
			return false;
		plan->result = (enum record_plan_result)value;
		return true;
	}
	if (slice_is(name, "waiver")) {
		if (!parse_word_or_null(p, parse_waiver_word,
		    WAIVER_ON_ERROR + 1, &value))
			return false;
		plan->waiver = (enum waiver)value;
		return true;
	}
	if (slice_is(name, "reason")) {
		if (!parse_word_or_null(p, parse_reason_word, REASON_COUNT, &value))
			return false;
		plan->reason = (enum reason)value;
		return true;
	}
	*found = false;
	return true;
}

static bool
parse_plan_member(struct parse *p, struct slice name)
{
	struct record_plan *plan = &p->r->plan;
	bool found;

	if (!parse_plan_word(p, name, &found) || found)
		return p->scan.error == NULL;
	if (slice_is(name, "id"))
		return parse_id(p);
	if (slice_is(name, "answered"))
		return scan_bool(&p->scan, &plan->answered);
	if (slice_is(name, "verdict"))
		return parse_kind(p, &plan->kind);
	if (slice_is(name, "would"))
		return parse_kind(p, &plan->would);
	if (slice_is(name, "key"))
		return scan_string_or_null(&p->scan, &plan->key);
	if (slice_is(name, "requirement"))
		return scan_string_or_null(&p->scan, &plan->requirement);
	if (slice_is(name, "refused_rcpts"))
		return scan_number(&p->scan, &plan->refused_rcpts);
	return scan_skip(&p->scan);
}

bool
parse_plan(struct parse *p)
{
	struct slice name;
	bool first = true;

	if (!scan_object(&p->scan))
		return false;
	while (scan_member(&p->scan, &first, &name))
		if (!parse_plan_member(p, name))
			return false;
	if (p->scan.error != NULL)
		return false;
	return p->r->plan.result != RECORD_PLAN_NONE ||
	    scan_fail(&p->scan, "a \"result\" of the plan");
}
