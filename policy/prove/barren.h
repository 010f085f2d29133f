/*
 * barren.h - a choice of subjects as a text, by which its like is known again.
 *
 * Two choices of one text come to the same: what differs are names that are only
 * compared with each other, and what only people read.
 *
 * Threads: no state.
 */
#ifndef TLSPOLICY_PROVE_BARREN_H
#define TLSPOLICY_PROVE_BARREN_H

#include "policy/prove/search.h"

enum { BARREN_TEXT_MAX = 16 * 1024 };

/* False: it has none. */
bool prove_barren_text(const struct prove_search *,
    const struct prove_threshold *, struct text *) MUST_CHECK NONNULL;

#endif
