/*
 * reply.h - codes and texts of refusals, in our own words or in sendmail's.
 *
 *     reason              temp          perm
 *     plaintext           451 4.7.10    550 5.7.10
 *     too-weak            451 4.7.10    554 5.7.10
 *     not-verified        451 4.7.1     554 5.7.1
 *     wrong-certificate   451 4.7.1     554 5.7.1
 *     auth-in-clear       451 4.7.11    550 5.7.11
 *     wrong-client        451 4.7.1     550 5.7.1
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
struct judgement;
struct question;

/* Both are about a tag whose answer is not yes. */

/* What becomes of the mail unless it is waived; never ACCEPT. */
enum verdict_kind reply_kind(const struct judgement *,
    const struct eval_options *) NONNULL;

/* Fills verdict->reply; its text is kept in the verdict. */
void reply_compose(const struct judgement *, const struct question *,
    struct verdict *) NONNULL;

#endif
