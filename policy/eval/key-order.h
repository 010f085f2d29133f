/*
 * key-order.h - which keys a session is looked up by, in sendmail's order.
 *
 * A generator of steps, each an exact key or a walk from the most specific to
 * the least specific covering key.  Order: cf/m4/proto.m4, rulesets
 * tls_client, tls_server, tls_rcpt, and D and A for domains and addresses:
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
 * Threads: no state but the struct's.
 */
#ifndef TLSPOLICY_EVAL_KEY_ORDER_H
#define TLSPOLICY_EVAL_KEY_ORDER_H

#include "policy/facts/facts.h"
#include "policy/facts/mailbox.h"
#include "policy/rules/key.h"

struct key_step {
	struct key key;
	bool longest; /* walk with search.h; else exactly this key */
	bool final_dot; /* a name that was told with a dot at its end */
	/*
	 * The MTA should have told `missing` and has not: there is no key, and
	 * whether a rule of `kinds` (a bit each) is meant nobody knows.
	 */
	enum fact_id missing; /* FACT_COUNT: nothing */
	unsigned kinds;
};

struct key_order {
	enum tag tag;
	const struct facts *facts;
	unsigned next;
	const struct mailbox *mailbox; /* for SUBJECT_MAILBOX, else NULL */
};

/* `mailbox` must live as long. */
void key_order_start(struct key_order *, enum tag, const struct facts *,
    const struct mailbox *mailbox);
/* False: no more steps. */
bool key_order_next(struct key_order *, struct key_step *) NONNULL;

#endif
