/*
 * judging.h - a rule that was found is tested, and what becomes of the mail then.
 *
 * Threads: plain data of one question.
 */
#ifndef TLSPOLICY_EVAL_JUDGING_H
#define TLSPOLICY_EVAL_JUDGING_H

#include "policy/eval/match.h"

/* Does the rule that was found hold?  Words for what does not are in `test`. */
enum answer judging_rule(const struct question *, struct judgement *) NONNULL;
/* Where there is no rule: is the handshake alone good? */
enum answer judging_handshake(const struct question *, struct judgement *)
    NONNULL;
bool judging_handshake_failed(const struct facts *) NONNULL;
void judging_trace(const struct question *, const char *test,
    const struct judgement *, enum answer) NONNULL;

/* verdict.c.  Both are about a tag whose answer is not yes. */
/* What becomes of the mail unless it is waived; never ACCEPT. */
enum verdict_kind verdict_kind_of(const struct judgement *,
    const struct question *) NONNULL;
/* Fills verdict->reply; its text is kept in the verdict. */
void verdict_reply(const struct judgement *, const struct question *,
    struct verdict *) NONNULL;

#endif
