/*
 * fleet.h - what the logs of many nodes say of these: the policy, the settings
 * and the version of the daemon by which each has judged, since when, and what
 * is missing of its log.
 *
 *	fleet_init(&fleet);
 *	fleet_add(&fleet, &line);
 *	fleet_finish(&fleet);
 *
 * A line of a policy or of settings stands in front of what they brought about,
 * so a node has judged by the last one in its log.  It is of the node that it
 * names, in a file also of any other whose records the file has: two MTAs can
 * have one daemon.  Records made of a mail log are not looked at.
 *
 * Limits: FLEET_NODES_MAX nodes, the rest are counted; of a node the last
 * FLEET_STATES_MAX policies, settings and versions.  Ownership: copies what it
 * keeps.  Threads: one.
 */
#ifndef TLSPOLICY_FLEET_FLEET_H
#define TLSPOLICY_FLEET_FLEET_H

#include "policy/audit/reader.h"
#include "policy/base/digest.h"
#include "policy/fleet/numbers.h"

enum { FLEET_NODES_MAX = 1024, FLEET_STATES_MAX = 16 };

/*
 * `what`: a digest in hex, or its beginning, as records have it; a version.
 */
struct fleet_state {
	char what[DIGEST_HEX + 1];
	uint64_t generation; /* of a policy, as that node numbers it */
	int64_t since_us;    /* when it was first judged by, as far as is known */
};

/* Oldest first; each differs from the one before it. */
struct fleet_states {
	struct fleet_state list[FLEET_STATES_MAX];
	size_t n, left_out;
};

struct fleet_node {
	char *name; /* "": no line tells it; then `file` does */
	const char *file;
	uint64_t records;
	int64_t first_us, last_us; /* of them; 0: there are none */
	struct fleet_states policies, settings, versions;
	char *values; /* of the last settings, "name = value" lines; or NULL */
	struct numbers numbers;
	bool piped; /* what came through a pipe: numbers were not looked at */

	/* Between calls: what was taken over last, of which log. */
	size_t log;
	uint64_t taken;
};

struct fleet {
	struct fleet_node **nodes; /* by name when finished */
	size_t n;
	uint64_t left_out; /* records of nodes for which there was no room */
	bool failed;	   /* out of memory */

	struct fleet_log *logs;
	size_t nlogs;
};

/* A line, and which of the reader's logs it stands in. */
struct fleet_line {
	enum reader_result result;
	const struct reader_record *record;
	size_t log;
	bool piped;
	const char *file; /* outlives the fleet */
};

void fleet_init(struct fleet *) NONNULL;
void fleet_free(struct fleet *) NONNULL;
/* False: out of memory. */
bool fleet_add(struct fleet *, const struct fleet_line *) MUST_CHECK NONNULL;
bool fleet_finish(struct fleet *) MUST_CHECK NONNULL;

/* NULL: no log tells of it. */
const struct fleet_node *fleet_find(const struct fleet *, const char *name)
    NONNULL;
/* What it has judged by last; NULL: not told. */
const struct fleet_state *fleet_last(const struct fleet_states *) NONNULL;
/* As far as both digests are known. */
bool fleet_same(const struct fleet_state *, const struct fleet_state *) NONNULL;

#endif
