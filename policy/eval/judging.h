/*
 * judging.h - what eval.c and its tests of a rule share.
 *
 * Threads: plain data of one question.
 */
#ifndef TLSPOLICY_EVAL_JUDGING_H
#define TLSPOLICY_EVAL_JUDGING_H

#include "policy/eval/eval.h"
#include "policy/eval/match.h"
#include "policy/rules/predicate.h"

struct judging {
	const struct question *q;
	struct store_reader *reader; /* NULL: no store */
	const struct fault *why;
	struct verdict *verdict;
};

/*
 * What a tag, or one spelling of its address, came to: all that verdict, reply
 * and trace say of it.  Of `result` the slices are filled in when it is kept in
 * the verdict; those of `found` live as long as the reader.
 */
struct judgement {
	struct tag_result result;
	struct matched_rule found; /* when result.matched */
	struct observation observation;
	const struct item *item;   /* that failed, or NULL */
	bool bits_failed;	   /* it was the number of bits */
	bool unfed;		   /* it rests on what the facts feed has not told */
};

/* Does what was found hold?  Words for what does not are in the observation. */
enum answer judging_rule(const struct judging *, struct judgement *) NONNULL;
/* The same where there is no rule. */
enum answer judging_handshake(const struct judging *, struct judgement *)
    NONNULL;
bool judging_handshake_failed(const struct facts *) NONNULL;
void judging_trace(const struct judging *, const char *test,
    const struct observation *, enum answer) NONNULL;

#endif
