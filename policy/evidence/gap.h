/*
 * gap.h - lines of a node's log that were written since a plan was made and are
 * missing: they may have told whom it breaks.
 *
 * Ownership: a gap points into its node.  Threads: no state.
 */
#ifndef TLSPOLICY_EVIDENCE_GAP_H
#define TLSPOLICY_EVIDENCE_GAP_H

#include "policy/fleet/fleet.h"
#include "policy/store/plan.h"

/* from 0: there is none. */
struct evidence_gap {
	const char *log; /* its node, else its file */
	uint64_t from, to;
};

/* The first of a node's log, by what its numbers say.  False: there is none. */
bool evidence_find_gap(const struct plan *, const struct fleet_node *,
    struct evidence_gap *) NONNULL;
/* A sentence, without its full stop. */
void evidence_put_gap(const struct evidence_gap *, struct text *) NONNULL;

#endif
