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

struct beside {
	enum record_plan_result state; /* NONE, SAME (judged), UNJUDGED */
	uint64_t id;
	bool canary;   /* the plan's policy answers, as long as it can be asked */
	bool answered; /* the plan's policy has answered, at MAIL or since */
	bool awaits; /* as message.awaits, for the other verdict */
	uint64_t refused_rcpts;
	/*
	 * Of the policy that answers, and of the other one; at MAIL alone: how
	 * each judges, as a record tells it.
	 */
	struct record_plan answer, other, other_mail;
	struct record_plan told; /* what the record at hand says of it */
	struct verdict mail, later; /* of the other one, as in the message */
};

/*
 * Where there is a plan (store_holder_has_plan()) at MAIL, and later while `state`
 * is SAME: asks its policy.  True: its verdict is the answer, and stands in
 * `answer`; else it stands in `other`, or nowhere.
 */
bool beside_ask(struct session *, const struct question *, int64_t now_us,
    struct verdict *answer, struct verdict *other) MUST_CHECK NONNULL;
/* The policy in force could not be asked: on-error decides, not the plan. */
void beside_give_up(struct message *) NONNULL;

/*
 * While `state` is SAME: both have judged MAIL; both have judged a recipient who
 * is let in.
 */
void beside_take_mail(struct message *) NONNULL;
void beside_take_rcpt(struct message *) NONNULL;
/* As beside_take_mail(), for the From field, `seen` or not shown by the MTA. */
void beside_take_header(struct message *, bool seen) NONNULL;

/*
 * While there is a plan, for the record of a message; of a refused recipient.
 * Holds until the next one.
 */
const struct record_plan *beside_tell(struct message *) NONNULL;
const struct record_plan *beside_tell_rcpt(struct message *,
    const struct verdict *) NONNULL;

#endif
