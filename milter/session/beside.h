/*
 * beside.h - a plan's policy is asked what the policy in force is asked, in the
 * same callback, and what it says is compared.
 *
 * It never changes an answer, but for clients whom the plan picks
 * (plan_picks()).  Where it cannot be asked the message has not been judged by
 * it, whatever else was.
 *
 * Threads: the session's.
 */
#ifndef TLSPOLICY_MILTER_SESSION_BESIDE_H
#define TLSPOLICY_MILTER_SESSION_BESIDE_H

#include "policy/policy.h"

struct session;
struct message;

/* How one policy judges a message, as far as people would notice. */
struct beside_outcome {
	enum verdict_kind kind, would;
	enum waiver waiver;
	enum reason reason;
	struct slice key, requirement; /* that decided */
};

struct beside {
	enum record_plan_result state; /* NONE, SAME (judged), UNJUDGED */
	uint64_t id;
	bool canary; /* the plan's policy answers */
	bool awaits; /* as message.awaits, of the verdict that does not count */
	uint64_t refused_rcpts;
	/* Of the policy that answers, and of the other one; at MAIL alone. */
	struct beside_outcome answer, other, other_mail;
	struct verdict mail, later; /* of the other one, as in the message */
};

/* A new message: nothing was asked yet. */
void beside_reset(struct beside *) NONNULL;

/*
 * Asks the plan's policy, if there is a plan.  True: its verdict is the answer,
 * and stands in `answer`; else it stands in `other`, or nowhere.
 */
bool beside_ask(struct session *, const struct question *, int64_t now_us,
    struct verdict *answer, struct verdict *other) MUST_CHECK NONNULL;
/* The policy in force could not be asked: its word counts, not the plan's. */
void beside_give_up(struct message *) NONNULL;

/* Both have judged MAIL; both have judged a recipient who is let in. */
void beside_take_mail(struct message *) NONNULL;
void beside_take_rcpt(struct message *) NONNULL;
/* Both have judged the header's From field, `seen` or not shown by the MTA. */
void beside_take_header(struct message *, bool seen) NONNULL;

/* For the record of a message; of a refused recipient. */
void beside_tell(const struct message *, struct record_plan *) NONNULL;
void beside_tell_rcpt(const struct message *, const struct verdict *,
    struct record_plan *) NONNULL;

#endif
