/*
 * record-policy.h - lines about the policy itself, and the settings.
 *
 * Threads: no state.
 */
#ifndef TLSPOLICY_RECORD_POLICY_H
#define TLSPOLICY_RECORD_POLICY_H

#include "policy/store/history.h"

enum { RECORD_POLICY_NODE_MAX = 255 };

/*
 * What stands in front of the first record that a generation, or settings, are
 * behind.
 */
struct record_policy {
	uint64_t number;
	const struct generation *generation; /* NULL: the store cannot tell */
	int64_t time_us;
	struct slice node;   /* of that record; empty: it is of no session */
	const char *version; /* of the daemon */
};
bool record_policy_format(const struct record_policy *, struct text *out)
    MUST_CHECK NONNULL;

struct record_settings {
	struct slice digest, values; /* in hex; as settings_print_verdict() */
	const char *changed; /* names with blanks between; NULL: not known */
};
bool record_policy_settings(const struct record_settings *, int64_t time_us,
    struct text *out) MUST_CHECK NONNULL;

#endif
