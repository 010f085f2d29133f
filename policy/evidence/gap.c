/*
 * Nothing is judged beside within the second in which the plan was made.  A gap's
 * time is that of the line behind it: where that is not known, nothing says that
 * the gap is older than the plan.
 */
#include "policy/evidence/gap.h"

static const int64_t SECOND_US = 1000000;

bool
evidence_find_gap(const struct plan *plan, const struct fleet_node *node,
    struct evidence_gap *gap)
{
	const struct numbers *n = &node->numbers;
	int64_t made_us = (plan->started + 1) * SECOND_US;

	*gap = (struct evidence_gap){ .log = node->name[0] == '\0' ?
		node->file : node->name };
	if (n->first > 1 && (n->first_us == 0 || n->first_us >= made_us)) {
		gap->from = 1;
		gap->to = n->first - 1;
		return true;
	}
	for (size_t i = 0; i <= n->ngaps; i++) {
		const struct numbers_gap *g = i == n->ngaps ? &n->latest :
		    &n->gaps[i];

		if (g->from == 0 || (g->before_us != 0 &&
		    g->before_us < made_us))
			continue;
		gap->from = g->from;
		gap->to = g->to;
		return true;
	}
	return false;
}

void
evidence_put_gap(const struct evidence_gap *gap, struct text *out)
{
	text_puts(out, "lines of the log of ");
	text_put_printable(out, slice_of(gap->log));
	text_printf(out, " are missing, %llu to %llu: name the files that have "
	    "them, or plan anew", (unsigned long long)gap->from,
	    (unsigned long long)gap->to);
}
