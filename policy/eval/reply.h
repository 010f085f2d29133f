/*
 * reply.h - codes and texts of refusals, in our own words or in sendmail's.
 *
 *     reason              temp          perm
 *     plaintext           451 4.7.10    550 5.7.10
 *     too-weak            451 4.7.10    554 5.7.10
 *     not-verified        451 4.7.1     554 5.7.1
 *     wrong-certificate   451 4.7.1     554 5.7.1
 *     auth-in-clear       451 4.7.11    550 5.7.11
 *     policy-error        451 4.3.0     never
 *
 * Enhanced codes: RFC 3463, RFC 7372 and IANA's registry (X.7.10 "Encryption
 * Needed").  Code and enhanced code are always of one class: an MTA takes
 * 550 with 4.x.x for a malformed reply.
 *
 * Threads: no state.
 */
#ifndef TLSPOLICY_REPLY_H
#define TLSPOLICY_REPLY_H

#include "policy/eval/verdict.h"

struct eval_options;

/* What the evaluator knows when it refuses. */
struct refusal {
	enum reason reason;
	enum rule_class class;
	enum tag tag;
	struct slice key; /* of the rule, as written */
	struct slice msg;
	bool bits_failed;	     /* it was the number of bits */
	bool utf8;		     /* the reply may hold UTF-8 */
	const struct item_row *item; /* the item that failed, or NULL */
	struct slice item_value;
	const struct observation *observation; /* wanted and found */
	const struct requirement *rule; /* NULL: none */
	const struct facts *facts;
};

/* What becomes of the mail unless it is waived; never ACCEPT. */
enum verdict_kind reply_kind(const struct refusal *,
    const struct eval_options *);

/* Fills verdict->reply; its text is kept in the verdict. */
void reply_compose(const struct refusal *, const struct eval_options *,
    struct verdict *);

#endif
