/*
 * prove.h - is a claim so, over all sessions that the rules can tell apart?
 *
 * Every verdict is the evaluator's.  The strictest tag decides (eval.h), so that
 * tags are judged one by one, and whatever cannot come to what the claim forbids
 * is left out before it is combined with the rest; a counterexample is judged
 * again as a whole, by the way that `tlspolicy check` takes.
 *
 * A claim that would take too long, or meets what is not known here, is not
 * decided, which is never "holds".
 *
 * Threads: belongs to one.  The ground must outlive it.
 */
#ifndef TLSPOLICY_PROVE_PROVE_H
#define TLSPOLICY_PROVE_PROVE_H

#include "policy/prove/subject.h"

enum prove_outcome {
	PROVE_HOLDS,
	PROVE_FALSE,
	PROVE_EMPTY,	 /* there is no such session */
	PROVE_UNDECIDED, /* see why */
	PROVE_OUTCOMES
};

const char *prove_outcome_name(enum prove_outcome); /* "not decided" */

struct prove_result {
	enum prove_outcome outcome;
	const char *why;
	/* Of one that is false: on the first day on which it is. */
	struct prove_session session;
	char verdict[REPLY_LINES_MAX * (REPLY_LINE_MAX + 3) + 64];
};

struct prover {
	struct prove_ground *ground;
	struct prove_subjects all[CLAIM_TAGS]; /* for who names nobody */
	bool found[CLAIM_TAGS];
	struct prove_strings barren; /* what leads nowhere, see search.c */
};

void prover_init(struct prover *, struct prove_ground *);
void prover_free(struct prover *);

/* False: the store or memory failed; see the ground's fault. */
bool prover_try(struct prover *, const struct claim *, struct prove_result *)
    MUST_CHECK NONNULL;

#endif
