/*
 * match.h - the rule of a tag that applies to a session.
 *
 * Walks the keys of key-order.h through the store; the first rule that counts
 * today is it.  Threads and ownership: as the reader's.
 */
#ifndef TLSPOLICY_EVAL_MATCH_H
#define TLSPOLICY_EVAL_MATCH_H

#include "policy/eval/eval.h"
#include "policy/eval/key-order.h"

struct matched_rule {
	struct stored_rule rule;
	struct requirement requirement; /* its profile put in */
	enum fact_id missing; /* not FACT_COUNT: the search failed for its want */
};

/*
 * What a rule of the store asks for, its profile put in.  FAILED: damaged, or
 * there is no such profile.
 */
enum lookup_result match_requirement(struct store_reader *, enum tag,
    const struct stored_rule *, struct requirement *) MUST_CHECK NONNULL;

/*
 * `mailbox` for SUBJECT_MAILBOX, else NULL.  A failure leaves its reason in
 * reader->fault.
 */
enum lookup_result match_rule(struct store_reader *, enum tag,
    const struct question *, const struct mailbox *, struct matched_rule *)
    MUST_CHECK;

/* The same for one step, an exact key or a walk. */
enum lookup_result match_step(struct store_reader *, const struct question *,
    const struct key_step *, struct matched_rule *) MUST_CHECK NONNULL;

#endif
