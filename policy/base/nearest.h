/*
 * nearest.h - the known word that a misspelt one comes nearest to.
 *
 * For messages: "unknown setting sokcet, did you mean socket?".  Distance is
 * the number of letters to change, add, drop or swap with their neighbour
 * (optimal string alignment), without regard to case.
 *
 * Threads: no state but the struct's.
 */
#ifndef TLSPOLICY_NEAREST_H
#define TLSPOLICY_NEAREST_H

#include "policy/base/text.h"

struct nearest {
	struct slice wanted;
	struct slice word; /* the best so far; empty: none is near enough */
	unsigned distance;
};

void nearest_init(struct nearest *, struct slice wanted) NONNULL;
/* Offers one known word, which is not copied. */
void nearest_offer(struct nearest *, struct slice word) NONNULL;
/* Appends ", did you mean WORD?", or nothing when no word is near. */
void nearest_print(const struct nearest *, struct text *) NONNULL;

#endif
