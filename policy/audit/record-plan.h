/*
 * record-plan.h - what a record tells of a plan: a policy that judged beside.
 *
 * Threads: no state.
 */
#ifndef TLSPOLICY_RECORD_PLAN_H
#define TLSPOLICY_RECORD_PLAN_H

#include "policy/audit/record.h"
#include "policy/store/history.h"
#include "policy/store/plan.h"

enum record_plan_result {
	RECORD_PLAN_NONE,     /* there was no plan */
	RECORD_PLAN_SAME,     /* it would have come to the same */
	RECORD_PLAN_DIFFERS,
	RECORD_PLAN_UNJUDGED, /* there was one, and it could not be asked */
	RECORD_PLAN_BEGUN,    /* of a line of its own, RECORD_PLAN */
	RECORD_PLAN_ENDED,
	RECORD_PLAN_COUNT
};

/* "same", ...; "" for none. */
const char *record_plan_result(enum record_plan_result);

/* Of a message or a refusal. */
struct record_plan {
	enum record_plan_result result;
	uint64_t id; /* 0: its store could not be read */
	/*
	 * The plan's policy gave the record's verdict (plan_picks()); what
	 * follows is what the policy in force would have said.
	 */
	bool answered;
	/* Of RECORD_PLAN_DIFFERS: the verdict that did not count. */
	enum verdict_kind kind, would; /* the latter: but for the waiver */
	enum waiver waiver;
	enum reason reason;
	struct slice key, requirement; /* that decided; may be empty */
	uint64_t refused_rcpts; /* of those that were accepted */
};

/*
 * What stands in front of the first record that knows of a plan, or of its end
 * (`plan` NULL).  `g`: its newest generation, NULL when that is not told.
 */
bool record_plan_format(enum record_plan_result, uint64_t id,
    const struct plan *, const struct generation *, int64_t time_us,
    struct text *out) MUST_CHECK;

#endif
