/*
 * difference.h - what a build would change, rule by rule.
 *
 *     - KEY<tab>REQUIREMENT          would go
 *     + KEY<tab>REQUIREMENT          would come
 *     ~ KEY<tab>OLD -> NEW           would change; lines of one key that are
 *                                    limited by dates are joined by " | "
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
};

/*
 * From the store (`reader` NULL: an empty one) to the finished rules, on
 * standard output; with `json` as a list.
 */
bool difference_print(struct store_reader *, const struct rulefile *,
    bool json, struct difference *, struct fault *) MUST_CHECK;

#endif
