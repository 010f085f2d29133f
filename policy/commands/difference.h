/*
 * difference.h - what a build would change, rule by rule.
 *
 *     - KEY<tab>REQUIREMENT          would go
 *     + KEY<tab>REQUIREMENT          would come
 *     ~ KEY<tab>OLD -> NEW           would change; several lines of one key are
 *                                    joined by " | ", and their order counts
 *     > KEY<tab>OLD -> NEW           stays as it is written, AS:profile, and asks
 *                                    for something else, as its profile does
 *
 * Compared are keys as they are looked up and requirements in their
 * normalised spelling: comments, order of lines and letter case of key words
 * make no difference.  In the order of the store's keys.
 */
#ifndef TLSPOLICY_DIFFERENCE_H
#define TLSPOLICY_DIFFERENCE_H

#include <jansson.h>

#include "policy/commands/ruleset.h"

struct difference {
	unsigned long removed, added, changed, settings;
	unsigned long touched; /* by a change of their profile */
};

/*
 * From the store (`reader` NULL: an empty one) to the finished rules, on
 * standard output; with `json` as a list.
 */
bool difference_print(struct store_reader *, const struct rulefile *,
    bool json, struct difference *, struct fault *) MUST_CHECK;

/*
 * Each key whose lines are as they were written and ask for something else, as
 * a profile of theirs does: their requirements with the profile put in, as lists.
 */
typedef void difference_touch(void *arg, struct slice key_bytes,
    struct slice key, json_t *old, json_t *new);
bool difference_touched(const struct rulefile *old, const struct rulefile *new,
    difference_touch *, void *arg, struct fault *) MUST_CHECK;

/*
 * From one generation to another; behind their rules, the settings that bear on
 * a verdict:
 *
 *     ~ setting NAME<tab>OLD -> NEW
 */
bool difference_of_generations(const struct rulefile *old,
    struct slice old_settings, const struct rulefile *new,
    struct slice new_settings, bool json, struct difference *,
    struct fault *) MUST_CHECK;

#endif
