/*
 * replay-left.h - what replay --left found, for its two forms of output.
 *
 * Threads: commands run in one.
 */
#ifndef TLSPOLICY_COMMANDS_REPLAY_LEFT_H
#define TLSPOLICY_COMMANDS_REPLAY_LEFT_H

#include <jansson.h>

#include "policy/report/left.h"

enum { LEFT_TIME_BYTES = 40 };

/* A domain, and what would become of its mail, or of what was kept. */
struct left_group {
	char *name;
	bool failed; /* records of event handshake, not delivered */
	uint64_t mails, in_clear, tls, verified, n[LEFT_OUTCOMES], other;
	int64_t first, last;
	json_t *example; /* of the gravest outcome, the earliest */
	enum left_outcome gravest;
};

struct left_sum {
	uint64_t records, n[LEFT_OUTCOMES], other;
};

/* Those of mail that left first, each kind with the gravest in front. */
struct left_groups {
	struct left_group **groups;
	size_t n;
	struct left_sum mails, failures;
	uint64_t answers; /* that MTAs were told */
};

void replay_left_json(const struct left_groups *);
void replay_left_text(const struct left_groups *);

#endif
