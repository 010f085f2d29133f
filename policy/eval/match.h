/*
 * match.h - the rule of a tag that applies to a session: the first one that
 * counts today, of the keys that the session is looked up by.
 *
 * Order: cf/m4/proto.m4, rulesets tls_client, tls_server, tls_rcpt, and D and A
 * for domains and addresses:
 *
 *   TLS_Clt, TLS_Srv   name, its parents; or [address], shortened inside the
 *                      brackets; then address and its prefixes; bare tag
 *   TLS_From, TLS_To,  user+tag@dom, user+*@dom, user@dom, user+tag@,
 *   TLS_Rcpt           user+*@, user@, dom and its parents, bare tag
 *   TLS_Auth           identity, bare tag
 *   TLS_Daemon         name, port, bare tag
 *   Try_TLS            as TLS_Srv
 *
 * A fact that should be there and is not makes a step of its own: what the rules
 * it would have met may say, the next step must not decide instead.
 *
 * Threads and ownership: as the reader's.
 */
#ifndef TLSPOLICY_EVAL_MATCH_H
#define TLSPOLICY_EVAL_MATCH_H

#include "policy/eval/eval.h"
#include "policy/facts/mailbox.h"
#include "policy/rules/key.h"
#include "policy/rules/predicate.h"

/* Whose keys are asked for, and which of them it is now. */
struct key_step {
	const struct facts *facts;
	const struct mailbox *mailbox; /* for SUBJECT_MAILBOX, else NULL */
	unsigned next;
	struct key key;
	bool longest; /* walk with search.h; else exactly this key */
	/*
	 * The MTA should have told `missing` and has not: there is no key, and
	 * whether a rule of `kinds` (a bit each) is meant nobody knows.
	 */
	enum fact_id missing; /* FACT_COUNT: nothing */
	unsigned kinds;
};

/* Starts in front of the first key.  `mailbox` must live as long as `step`. */
void match_keys(struct key_step *, enum tag, const struct facts *,
    const struct mailbox *mailbox);
/* False: no more keys. */
bool match_next_key(struct key_step *) NONNULL;

/*
 * What a tag, or one spelling of its address, comes to: the rule, its tests, and
 * all that verdict, reply and trace say of it.  Of `result` the slices are
 * filled in when it is kept in the verdict; those of the rule live as long as
 * the reader.
 */
struct judgement {
	struct tag_result result;
	struct stored_rule rule; /* this and the next: when result.matched */
	struct requirement requirement; /* its profile put in */
	enum fact_id missing; /* not FACT_COUNT: the search failed for its want */
	struct predicate test;	 /* the last that was made */
	const struct item *item; /* that failed, or NULL */
	bool bits_failed;	 /* it was the number of bits */
	bool unfed;		 /* it rests on what the facts feed has not told */
};

/*
 * What a rule of the store asks for, its profile put in.  FAILED: damaged, or
 * there is no such profile.
 */
enum lookup_result match_requirement(struct store_reader *, enum tag,
    const struct stored_rule *, struct requirement *) MUST_CHECK NONNULL;

/*
 * Finds rule and requirement, or what was missing; of the question's reader.
 * `mailbox` for SUBJECT_MAILBOX, else NULL.  A failure leaves its reason in
 * reader->fault.
 */
enum lookup_result match_rule(const struct question *, enum tag,
    const struct mailbox *, struct judgement *) MUST_CHECK;

/* match_rule() for one step: an exact key or a walk. */
enum lookup_result match_step(const struct question *, const struct key_step *,
    struct judgement *) MUST_CHECK NONNULL;

#endif
