/*
 * plan.h - a policy that is to come, judged beside the one in force.
 *
 * It is a store of its own beside the store: the same format, the same checks
 * before it is believed, the same owner.  Who wants it, when and why is told by
 * its generations (history.h), the newest of which says who changed the plan
 * last; what is special to a plan is the struct below, which is committed
 * together with the rules.
 *
 * Threads: no state.
 */
#ifndef TLSPOLICY_PLAN_H
#define TLSPOLICY_PLAN_H

#include "policy/base/digest.h"
#include "policy/facts/facts.h"
#include "policy/store/store.h"

enum {
	PLAN_ID_DIGITS = 16,
	PLAN_PATH_MAX = 4096,
	PLAN_DAYS_MAX = 3650,
	PLAN_BUDGET_MAX = 1000000000
};

struct plan {
	uint64_t id;	  /* by chance; 0: none */
	int64_t started;  /* seconds since 1970 */
	int64_t due;	  /* when it is to come into force; 0: nobody said */
	uint32_t days;	  /* for which it is judged at least */
	uint32_t budget;  /* messages that it may break */
	uint32_t canary;  /* clients in a hundred that it decides about */
	uint32_t spare;
	unsigned char base[DIGEST_BYTES]; /* rules in force when it was made */
};

/* Where the plan of the store at `store` is.  False: the path is too long. */
bool plan_path(const char *store, char path[PLAN_PATH_MAX]) MUST_CHECK NONNULL;
/* Absent: this store is none of a plan. */
enum lookup_result plan_read(struct store_reader *, struct plan *)
    MUST_CHECK NONNULL;
/*
 * Is the client of these facts one of those that the plan decides about?  By
 * its address alone, or its /64: the same one in each session, on each node,
 * as long as the plan is this one.  Without an address it is none.
 */
bool plan_picks(const struct plan *, const struct facts *) MUST_CHECK NONNULL;

/* In hex; `n` digits and no more. */
void plan_print_id(uint64_t id, struct text *) NONNULL;
bool plan_read_id(struct slice, uint64_t *) MUST_CHECK NONNULL;

/*
 * The plan's files are removed; that there are none is fine.  False with a
 * fault: the plan is still there.
 */
bool plan_remove(const char *path, struct fault *) MUST_CHECK NONNULL;

#endif
