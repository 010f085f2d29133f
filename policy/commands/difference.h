/*
 * difference.h - what a build would change, rule by rule.
 *
 *     - KEY<tab>REQUIREMENT          would go
 *     + KEY<tab>REQUIREMENT          would come
 *     ~ KEY<tab>OLD -> NEW           would change; several lines of one key are
 *                                    joined by " | ", and their order counts
 *
 *     > KEY<tab>OLD -> NEW           stays as it is written, AS:profile, and asks
 *                                    for something else, as its profile does
 *
 * Compared are keys as they are looked up and requirements in their
 * normalised spelling: comments, order of lines and letter case of key words
 * make no difference.  In the order of the store's keys.
 */
#ifndef TLSPOLICY_DIFFERENCE_H
#define TLSPOLICY_DIFFERENCE_H

#include "policy/commands/ruleset.h"

struct difference {
	unsigned long removed, added, changed;
	unsigned long touched; /* by a change of their profile */
};

/*
 * From the store (`reader` NULL: an empty one) to the finished rules, on
 * standard output; with `json` as a list.
 */
bool difference_print(struct store_reader *, const struct rulefile *,
    bool json, struct difference *, struct fault *) MUST_CHECK;

/*
 * The store holds these rules already: the same keys and requirements to the
 * letter, from the same lines of the same files; and the suites of cipher lists
 * are what OpenSSL says today.  False also when that cannot be found out: then a
 * build puts it right.
 */
bool difference_is_none(struct store_reader *, const struct rulefile *);
/*
 * The same of what is to be set: each is the line of its key with the same
 * conditions, wherever it comes from.  *others: lines of these keys that have
 * other conditions, and stay.
 */
bool difference_has(struct store_reader *, const struct rulefile *,
    uint64_t *others);

#endif
