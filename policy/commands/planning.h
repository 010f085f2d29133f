/*
 * planning.h - the plan of the store, for the commands about it.
 *
 * Threads: as commands.
 */
#ifndef TLSPOLICY_COMMANDS_PLANNING_H
#define TLSPOLICY_COMMANDS_PLANNING_H

#include "policy/commands/audit.h"
#include "policy/evidence/evidence.h"
#include "policy/store/history.h"
#include "policy/store/plan.h"

struct planning {
	char path[PLAN_PATH_MAX];
	struct store *store; /* the plan's; NULL: none is open */
	struct store_reader reader;
	struct plan plan;
	struct generation made, newest; /* who made it, changed it last */
	/* Of the policy in force. */
	uint64_t generation;
	unsigned char digest[DIGEST_BYTES];
	bool is_applied; /* it is the plan's already */

	struct evidence evidence;
	struct evidence_state state;
	struct audit_walk walk;
	struct fleet fleet; /* what its numbers say is missing */
};

/* The rules in force: number and digest.  False with a fault. */
bool planning_in_force(const struct context *, uint64_t *generation,
    unsigned char digest[DIGEST_BYTES], struct fault *) MUST_CHECK NONNULL;

/*
 * Opens the plan and compares it with the policy in force.  False with a fault:
 * FAULT_NOINPUT when there is no plan.  planning_close() follows in any case.
 */
bool planning_open(const struct context *, struct planning *, struct fault *)
    MUST_CHECK NONNULL;
/* What the log says of it, at the time `now`. */
bool planning_look(struct planning *, const struct audit_files *, int64_t now,
    struct fault *) MUST_CHECK NONNULL;
void planning_close(struct planning *) NONNULL;

/* The lines about the plan itself; members of a JSON object. */
void planning_print(const struct planning *, FILE *);
void planning_json(const struct planning *, FILE *);
/* Each thing that is in the way, on standard error. */
void planning_say_obstacles(const struct planning *);

#endif
