/*
 * search.h - a session of a claim that comes to what it forbids.
 *
 * Of each tag a subject, tag by tag; at each the points that their chains tell
 * apart are judged, and a choice that no point survives is left at once.
 *
 * Threads: belongs to one.
 */
#ifndef TLSPOLICY_PROVE_SEARCH_H
#define TLSPOLICY_PROVE_SEARCH_H

#include "policy/prove/point.h"
#include "policy/prove/subject.h"

enum { LEVEL_ANY = (1 << LEVEL_COUNT) - 1, SEARCH_JUDGED_MAX = 20 * 1000 * 1000 };

struct prove_search {
	struct prove_ground *g;
	const struct claim *claim;
	const struct prove_subjects *subjects[CLAIM_TAGS];
	struct prove_strings *barren;
	enum prove_handshake handshake;
	bool exempt; /* only clients that are exempt, else only others */

	/* What each tag may come to, bits of 1 << LEVEL_...; LEVEL_ANY: all. */
	unsigned wanted[CLAIM_TAGS];
	enum tag order[CLAIM_TAGS];

	const struct prove_subject *chosen[CLAIM_TAGS];
	struct prove_points points;
	unsigned long judged; /* sessions, to give up in time */
	int32_t day;	      /* of what was found; nothing: DAY_ALWAYS_UNTIL */
	struct prove_session session;
};

/* False: see the ground's fault or its `unknowable`. */
bool prove_search_run(struct prove_search *) MUST_CHECK NONNULL;

#endif
