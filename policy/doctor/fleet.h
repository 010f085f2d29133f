/*
 * fleet.h - nodes compared by what their logs say: who judges by another policy,
 * other settings or another version than the many, who is silent, and whose log
 * is not whole.
 *
 * The many are those that agree with most; of as many, those that have changed
 * last.  A node that has judged nothing since the many have changed may have
 * changed as well: that is told apart.
 *
 * Threads: one.
 */
#ifndef TLSPOLICY_DOCTOR_FLEET_H
#define TLSPOLICY_DOCTOR_FLEET_H

#include "policy/doctor/kind.h"
#include "policy/fleet/fleet.h"

struct doctor_fleet {
	const struct fleet *fleet; /* finished */
	int64_t now_us, silent_us; /* silent: no record for so long */
	struct findings *findings;
};

void doctor_fleet(const struct doctor_fleet *) NONNULL;
/* Its name, else that of its first file. */
const char *doctor_fleet_name(const struct fleet_node *) NONNULL;

#endif
