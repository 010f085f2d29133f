/*
 * What stands in the way of a plan.  A fault of the evidence comes before what
 * it says, and what time will heal comes last.
 */
#include "policy/audit/print.h"
#include "policy/evidence/evidence.h"

enum { DAY_S = 86400, LATE_S = 3600 };
static const int64_t SECOND_US = 1000000;

static const struct {
	const char *name;
	int status;
} rows[EVIDENCE_OBSTACLES] = {
	[EVIDENCE_STALE] = { "stale", FAULT_DATA },
	[EVIDENCE_UNREAD] = { "unread", FAULT_DATA },
	[EVIDENCE_GAP] = { "gap", FAULT_DATA },
	[EVIDENCE_NODE] = { "node", FAULT_DATA },
	[EVIDENCE_UNJUDGED] = { "not-judged", FAULT_DATA },
	[EVIDENCE_MISSED] = { "missed", FAULT_DATA },
	[EVIDENCE_BUDGET] = { "budget", EXIT_FINDINGS },
	[EVIDENCE_EARLY] = { "early", EXIT_TEMPFAIL },
	[EVIDENCE_NOTHING] = { "nothing", EXIT_TEMPFAIL },
};

const char *
evidence_obstacle_name(enum evidence_obstacle obstacle)
{
	return rows[obstacle].name;
}

/* The first node that has not judged for long enough; or NULL. */
static const struct evidence_node *
late_node(const struct evidence *e, const struct evidence_state *state)
{
	int64_t latest = e->plan.started + LATE_S;
	int64_t enough = state->now - (int64_t)e->plan.days * DAY_S + LATE_S;

	if (enough > latest)
		latest = enough;
	for (size_t i = 0; i < e->nnodes; i++) {
		const struct evidence_node *node = &e->nodes[i];

		if (node->begun_us == 0 ? node->without > 0 :
		    node->without > 0 && node->begun_us > latest * SECOND_US)
			return node;
	}
	return NULL;
}

static int64_t
earliest(const struct evidence *e)
{
	return e->plan.started + (int64_t)e->plan.days * DAY_S;
}

bool
evidence_is_met(const struct evidence *e, const struct evidence_state *state,
    enum evidence_obstacle obstacle)
{
	switch (obstacle) {
	case EVIDENCE_STALE:
		return state->stale;
	case EVIDENCE_UNREAD:
		return state->unread + state->bad > 0;
	case EVIDENCE_GAP:
		return state->gap.from != 0;
	case EVIDENCE_NODE:
		return late_node(e, state) != NULL;
	case EVIDENCE_UNJUDGED:
		return e->unjudged > 0;
	case EVIDENCE_MISSED:
		return e->missed > 0;
	case EVIDENCE_BUDGET:
		return e->broken > e->plan.budget;
	case EVIDENCE_EARLY:
		return state->now < earliest(e);
	case EVIDENCE_NOTHING:
		return e->judged == 0;
	default:
		return false;
	}
}

int
evidence_status(const struct evidence *e, const struct evidence_state *state)
{
	for (int i = 0; i < EVIDENCE_OBSTACLES; i++)
		if (evidence_is_met(e, state, (enum evidence_obstacle)i))
			return i == EVIDENCE_UNREAD && state->unread > 0 ?
			    state->unread_status : rows[i].status;
	return EXIT_FINE;
}

static unsigned long long
big(uint64_t n)
{
	return (unsigned long long)n;
}

void
evidence_put_obstacle(const struct evidence *e,
    const struct evidence_state *state, enum evidence_obstacle obstacle,
    struct text *out)
{
	switch (obstacle) {
	case EVIDENCE_STALE:
		text_puts(out, "the policy in force is not the one that this "
		    "was planned against: plan anew");
		break;
	case EVIDENCE_UNREAD:
		text_printf(out, "the log could not be read as a whole: %llu "
		    "file%s, %llu line%s", big(state->unread),
		    state->unread == 1 ? "" : "s", big(state->bad),
		    state->bad == 1 ? "" : "s");
		break;
	case EVIDENCE_GAP:
		evidence_put_gap(&state->gap, out);
		break;
	case EVIDENCE_NODE:
		text_puts(out, "node ");
		text_put_printable(out, late_node(e, state)->name);
		text_puts(out, late_node(e, state)->begun_us == 0 ?
		    " has judged nothing by the plan" :
		    " has not judged by the plan for long enough");
		break;
	case EVIDENCE_UNJUDGED:
		text_printf(out, "%llu message%s could not be judged by the "
		    "plan: plan anew", big(e->unjudged),
		    e->unjudged == 1 ? "" : "s");
		break;
	case EVIDENCE_MISSED:
		text_printf(out, "%llu record%s not know of the plan: plan "
		    "anew", big(e->missed), e->missed == 1 ? " does" : "s do");
		break;
	case EVIDENCE_BUDGET:
		text_printf(out, "%llu message%s would break, %lu may",
		    big(e->broken), e->broken == 1 ? "" : "s",
		    (unsigned long)e->plan.budget);
		break;
	case EVIDENCE_EARLY:
		text_puts(out, "not before ");
		audit_print_time(earliest(e) * SECOND_US, out);
		break;
	default:
		text_puts(out, "no message has been judged by the plan");
		break;
	}
}
