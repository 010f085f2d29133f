/*
 * record-policy.h - lines about the policy itself, and the settings.
 *
 * Threads: no state.
 */
#ifndef TLSPOLICY_RECORD_POLICY_H
#define TLSPOLICY_RECORD_POLICY_H

#include "policy/store/history.h"

/*
 * What stands in front of the first record that a generation, or settings, are
 * behind.  `g` NULL: the store does not tell of it.
 */
bool record_policy_format(uint64_t number, const struct generation *g,
    int64_t time_us, struct text *out) MUST_CHECK;

struct record_settings {
	struct slice digest, values; /* in hex; as settings_print_verdict() */
	const char *changed; /* names with blanks between; NULL: not known */
};
bool record_policy_settings(const struct record_settings *, int64_t time_us,
    struct text *out) MUST_CHECK NONNULL;

#endif
