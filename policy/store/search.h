/*
 * search.h - the most specific rule for a name or an address, then the next
 * less specific one, and so on.
 *
 * Every key that can cover the query is asked for, the longest first; the
 * filter (filter.h) answers for nearly all that are not there, so that a
 * search costs about one look-up for each key that is.
 *
 * Threads and ownership: as the reader's.
 */
#ifndef TLSPOLICY_SEARCH_H
#define TLSPOLICY_SEARCH_H

#include "policy/store/store.h"

struct search {
	struct store_reader *reader;
	const struct key *query; /* must outlive the search */
	unsigned left;		 /* to be tried, from the last one down */
	/*
	 * The keys that cover the query: hash, and length of a name or bits of
	 * a network.
	 */
	uint64_t hash[KEY_MAX];
	uint16_t n[KEY_MAX];
};

/* `query`: a full name (KEY_NAME) or address (KEY_ADDRESS, KEY_BRACKET). */
void search_start(struct search *, struct store_reader *,
    const struct key *query) NONNULL;

/* The next less specific covering key's rules. */
enum lookup_result search_next(struct search *, struct slice *rules)
    MUST_CHECK NONNULL;

#endif
