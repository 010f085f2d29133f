/*
 * batch-line.h - one line of `check --batch`; private to batch.h.
 *
 * Threads: each judge of lines belongs to one; they share the store.
 */
#ifndef TLSPOLICY_CHECK_BATCH_LINE_H
#define TLSPOLICY_CHECK_BATCH_LINE_H

#include "policy/base/arena.h"
#include "policy/check/check.h"

struct batch_judge {
	struct check check;
	struct arena memory; /* strings of the line that had escapes */
	char *trace;	     /* CHECK_JSON_MAX bytes */
	/* Answers, a line each; whoever has written them out sets n to 0. */
	char *out;
	size_t n, room;
	uint64_t bad;
	bool no_memory; /* some line was not judged for want of memory */
};

/* As `like` judges.  False: out of memory.  To be freed in any case. */
bool batch_judge_init(struct batch_judge *, const struct check *like) MUST_CHECK
    NONNULL;
void batch_judge_free(struct batch_judge *);

/*
 * Appends the answer to a line.  `too_long`: the line was, and is not given.
 * False: no memory for the answer.
 */
bool batch_judge_line(struct batch_judge *, struct slice line, bool too_long,
    uint64_t number) MUST_CHECK NONNULL;

#endif
