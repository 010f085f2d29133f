/*
 * judging.h - what eval.c and its tests of a rule share.
 *
 * Threads: plain data of one question.
 */
#ifndef TLSPOLICY_EVAL_JUDGING_H
#define TLSPOLICY_EVAL_JUDGING_H

#include "policy/eval/eval.h"
#include "policy/eval/match.h"

struct judging {
	const struct question *q;
	struct store_reader *reader; /* NULL: no store */
	const struct fault *why;
	struct verdict *verdict;
};

/*
 * What a tag, or one spelling of its address, came to; the slices live as long
 * as the reader.
 */
struct class_judgement {
	enum tag tag;
	struct matched_rule found;
	bool has_rule;
	bool lookup_failed;
	enum answer answer;
	struct observation observation;
	const struct item *item; /* that failed */
	const char *missing; /* the macro without which nothing can be told */
	bool bits_failed;
};

/* Does what was found hold?  Words for what does not are in the observation. */
enum answer judging_rule(const struct judging *, struct class_judgement *);
/* The same where there is no rule. */
enum answer judging_handshake(const struct judging *,
    struct class_judgement *);
bool judging_handshake_failed(const struct facts *);
void judging_trace(const struct judging *, const char *test,
    const struct observation *, enum answer);

#endif
