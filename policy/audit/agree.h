/*
 * agree.h - does a log agree with checkpoints that were kept elsewhere?
 *
 * Those of many logs are told apart by their origins.  One is known to be a log's
 * when it is its node's name, or that and "/...", or when one of its checkpoints
 * has the head of a line; until then what does not fit is of another log.
 *
 * Threads: belongs to one thread.
 */
#ifndef TLSPOLICY_AGREE_H
#define TLSPOLICY_AGREE_H

#include "policy/audit/checkpoint.h"

struct agree {
	struct chain *hasher;
	struct agree_side *sides; /* origins that it may be of */
	size_t n;

	bool failed;	     /* OpenSSL or memory failed, and nothing is
			      * known */
	size_t known;	     /* origins of which it is known to be this log */
	uint64_t agreed;     /* checkpoints that agree */
	uint64_t older;      /* known checkpoints of lines before those here */
	const struct checkpoint *last; /* that agrees; NULL: none */
};

/*
 * `node`: of the log, "": not known.  `alone`: there is no other log, so that
 * what is of one origin is of this log.  NULL: out of memory.
 */
struct agree *agree_new(const struct checkpoints *, struct chain *hasher,
    const char *node, bool alone) MUST_CHECK NONNULL;
void agree_free(struct agree *);
/*
 * Takes the next line.  False: it is not what was signed; `what` says so, for
 * people; or `failed`.
 */
bool agree_line(struct agree *, struct slice line, const struct chain_line *,
    struct text *what) MUST_CHECK NONNULL;
/* After the last line: false when lines that were signed are missing. */
bool agree_end(struct agree *, uint64_t last, struct text *what) MUST_CHECK
    NONNULL;
bool agree_is_of(const struct agree *, const struct checkpoints_origin *)
    NONNULL;

#endif
