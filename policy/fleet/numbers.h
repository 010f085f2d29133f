/*
 * numbers.h - what is missing of a log, by the numbers of its lines and by what
 * its links name.
 *
 * Whether a line is what was sealed is not looked at: that is verify.h.
 *
 * Threads: no state.
 */
#ifndef TLSPOLICY_FLEET_NUMBERS_H
#define TLSPOLICY_FLEET_NUMBERS_H

#include "policy/audit/chain-link.h"

enum { NUMBERS_GAPS_MAX = 8 };

/* Lines that are missing, and when those around them were written; 0: unknown. */
struct numbers_gap {
	uint64_t from, to;
	int64_t after_us, before_us;
};

struct numbers {
	uint64_t first, last; /* of the lines that are here; 0: none */
	int64_t first_us;     /* when that was written; 0: unknown */
	uint64_t missing;     /* lines, of all gaps */
	struct numbers_gap gaps[NUMBERS_GAPS_MAX]; /* the first ones */
	size_t ngaps, gaps_left_out;
	struct numbers_gap latest; /* of all gaps; from 0: there is none */
	/*
	 * Links to a line that the file before does not end in, and files that
	 * begin without one; lines behind one of a higher number.
	 */
	uint64_t breaks, disorder;

	/* Between calls. */
	char head[CHAIN_HEX]; /* of the last sealed line */
	bool torn;	      /* behind it are torn bytes */
	int64_t time_us;
};

/* Does this link lead to the last line? */
bool numbers_goes_on(const struct numbers *, const struct chain_link *) NONNULL;
/* `to` takes up where `from` has ended: what it has counted stays. */
void numbers_take_over(struct numbers *to, const struct numbers *from) NONNULL;
/* The next line; `link` NULL: it is none.  `time_us` 0: not known. */
void numbers_line(struct numbers *, const struct chain_line *,
    const struct chain_link *link, int64_t time_us);
void numbers_torn(struct numbers *) NONNULL;
/* Adds what one has counted to another's. */
void numbers_sum(struct numbers *to, const struct numbers *) NONNULL;

static inline bool
numbers_are_whole(const struct numbers *n)
{
	return n->missing == 0 && n->breaks == 0 && n->disorder == 0;
}

#endif
