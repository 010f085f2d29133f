/*
 * older.h - the rules of a store that an older version of this program wrote.
 *
 * What a rule is, its text, has never changed, and neither has how records stand
 * in a store since FORMAT_OLDEST; the rest of an older store is not looked at.
 * It is believed as a store of today is, only after its pages and the sum of all
 * its entries were found to be what was written.
 *
 * Threads: no state.
 */
#ifndef TLSPOLICY_OLDER_H
#define TLSPOLICY_OLDER_H

#include "policy/rules/rulefile.h"

/*
 * What each format's info has since FORMAT_OLDEST: the first two after magic and
 * order, the others before its check.
 */
struct older_info {
	uint32_t version;
	uint64_t generation, txnid, sum;
};

/* Is it one of an older format, and what was written? */
bool older_read_info(struct slice value, struct older_info *) MUST_CHECK
    NONNULL;

/*
 * Its rules in the order of its keys, with their places; the rulefile is
 * initialised here, and to be freed in any case.  *older: it is one; a store of
 * today's format is none, and no rules are read.  False with a fault: neither,
 * not there, or damaged.
 */
bool older_rules(const char *path, struct rulefile *, bool *older,
    struct fault *) MUST_CHECK NONNULL;

#endif
