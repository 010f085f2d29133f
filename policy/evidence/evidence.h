/*
 * evidence.h - what the audit log says of a plan: whom it would break, how sure
 * that is, and what has not been seen.
 *
 * A record counts for the plan only if it says that the plan judged it.  What
 * says nothing of it, from the node's first word of it on, has been missed; a
 * partner who sent mail before and none since is not known of.  None of these
 * speaks for the plan.
 *
 * "Breaks": what the policy in force accepts and the plan's would refuse, for
 * good or for now, or hold; also if only some recipients are.  What mode =
 * monitor spares everybody counts as if it was not spared.
 *
 * Limits: EVIDENCE_PARTNERS_MAX; the rest of them are one without a name.
 * Ownership: copies what it keeps.  Threads: one.
 */
#ifndef TLSPOLICY_EVIDENCE_H
#define TLSPOLICY_EVIDENCE_H

#include <stdio.h>

#include "policy/audit/reader.h"
#include "policy/evidence/gap.h"

enum { EVIDENCE_PARTNERS_MAX = 200000, EVIDENCE_NODES_MAX = 1000 };

/* The organisational domain of senders or, of null senders, clients. */
struct evidence_partner {
	struct slice name;
	uint64_t before;	     /* messages accepted before the plan */
	uint64_t judged, broken, real; /* the last: by a canary, for real */
	int64_t last_us;	     /* any message */
	int64_t first_broken_us, last_broken_us;
	/* Of the last one. */
	enum reason reason;
	struct slice key, requirement;
	struct evidence_partner *next; /* in its place of the table */
};

struct evidence_node {
	struct slice name;
	int64_t begun_us, last_us; /* first and last word of the plan; or 0 */
	uint64_t judged, missed, unjudged;
	uint64_t without; /* before that word, but for the plan's first minute */
};

struct evidence {
	struct plan plan;
	uint64_t judged, broken, partly, held, real, freed;
	uint64_t unjudged, missed, answered;
	bool crowded; /* evidence_add() failed for one node too many */
	int64_t days; /* on which something was judged */
	int64_t first_us, last_us;
	struct evidence_node *nodes;
	size_t nnodes;
	struct evidence_partner **table;
	size_t npartners;
	struct evidence_partner **list; /* room for all, to be sorted */
	struct evidence_partner rest; /* of more than the most */
	unsigned char *day; /* bits, since the plan was made */
	struct arena memory;
};

/* To be freed in any case.  False: out of memory. */
bool evidence_init(struct evidence *, const struct plan *) MUST_CHECK NONNULL;
void evidence_free(struct evidence *);

/* A record of a message or refusal.  False: out of memory, or crowded. */
bool evidence_add(struct evidence *, const struct reader_record *)
    MUST_CHECK NONNULL;
/*
 * Why the plan must not come into force at this time, gravest first, in the
 * order in which they are told.
 */
enum evidence_obstacle {
	EVIDENCE_STALE,	   /* the policy in force is another one by now */
	EVIDENCE_UNREAD,   /* parts of the log could not be read */
	EVIDENCE_GAP,	   /* lines of a node's log are missing */
	EVIDENCE_NODE,	   /* a node did not judge by it, or began too late */
	EVIDENCE_UNJUDGED, /* it was there and could not be asked */
	EVIDENCE_MISSED,   /* it was not asked */
	EVIDENCE_BUDGET,
	EVIDENCE_EARLY,
	EVIDENCE_NOTHING,  /* no message was judged */
	EVIDENCE_OBSTACLES
};

/* What only the caller knows, and the time. */
struct evidence_state {
	int64_t now; /* seconds since 1970: when it would come into force */
	bool stale;
	uint64_t unread, bad; /* files, lines */
	int unread_status;    /* exit status for the former */
	struct evidence_gap gap;
};

bool evidence_is_met(const struct evidence *, const struct evidence_state *,
    enum evidence_obstacle) MUST_CHECK NONNULL;
/* 0: nothing; else the exit status of the gravest. */
int evidence_status(const struct evidence *, const struct evidence_state *)
    MUST_CHECK NONNULL;
const char *evidence_obstacle_name(enum evidence_obstacle);
/* A sentence, without its full stop. */
void evidence_put_obstacle(const struct evidence *,
    const struct evidence_state *, enum evidence_obstacle, struct text *)
    NONNULL;

/* How many partners broke; went unseen since.  Into a list for all, or NULL. */
size_t evidence_broken(const struct evidence *, struct evidence_partner **);
size_t evidence_unseen(const struct evidence *, struct evidence_partner **);

/* The first partners of each kind; members of a JSON object that has some. */
void evidence_print(const struct evidence *, const struct evidence_state *,
    FILE *);
void evidence_json(const struct evidence *, const struct evidence_state *,
    FILE *);

#endif
