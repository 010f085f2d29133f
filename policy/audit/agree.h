/*
 * agree.h - does the log agree with checkpoints that were kept elsewhere?
 *
 * Threads: belongs to one thread.
 */
#ifndef TLSPOLICY_AGREE_H
#define TLSPOLICY_AGREE_H

#include "policy/audit/checkpoint.h"
#include "policy/audit/merkle.h"

struct agree {
	const struct checkpoints *all;
	struct chain *hasher;
	size_t next;	     /* of all->list, to be compared */
	struct merkle tree;  /* of the lines from `first` on; n is 0: none */
	uint64_t first;

	uint64_t agreed;     /* so many do */
	uint64_t older;      /* are of lines before those here */
	const struct checkpoint *last; /* that agrees; NULL: none */
};

void agree_init(struct agree *, const struct checkpoints *,
    struct chain *hasher) NONNULL;
/*
 * The next line.  False: it is not what was signed; `what` says so, for people.
 */
bool agree_line(struct agree *, struct slice line, const struct chain_line *,
    struct text *what) MUST_CHECK NONNULL;
/* After the last line: false when lines that were signed are missing. */
bool agree_end(struct agree *, uint64_t last, struct text *what) MUST_CHECK
    NONNULL;

#endif
