/*
 * strings.h - a set of strings, each with its number.
 *
 * Threads: none shared.  Ownership: the set holds copies until it is freed.
 */
#ifndef TLSPOLICY_PROVE_STRINGS_H
#define TLSPOLICY_PROVE_STRINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/base/arena.h"

struct prove_strings {
	struct arena memory;
	struct slice *strings; /* in the order in which they came */
	uint32_t n, allocated;
	uint32_t *slots; /* number + 1; 0: free */
	uint32_t nslots;
};

void prove_strings_init(struct prove_strings *) NONNULL;
void prove_strings_free(struct prove_strings *) NONNULL;

/* *number of the string, *is_new: it was not there before.  False: no memory. */
bool prove_strings_add(struct prove_strings *, struct slice, uint32_t *number,
    bool *is_new) MUST_CHECK NONNULL;
bool prove_strings_have(const struct prove_strings *, struct slice) NONNULL;

#endif
