/*
 * search.h - the most specific rule for a name or an address.
 *
 * Keys are sorted so that every key that covers a query is found by stepping
 * to the greatest key not above a bound, and each miss lowers the bound to
 * the common prefix of miss and query: as many steps as there are levels that
 * differ, two in the common case, instead of one look-up a level.
 *
 * Threads and ownership: as the reader's.
 */
#ifndef TLSPOLICY_SEARCH_H
#define TLSPOLICY_SEARCH_H

#include "policy/store/store.h"

struct search {
	struct store_reader *reader;
	const struct key *query; /* must outlive the search */
	bool started;
	unsigned steps;
	struct key bound;
};

/* `query`: a full name (KEY_NAME) or address (KEY_ADDRESS, KEY_BRACKET). */
void search_start(struct search *, struct store_reader *,
    const struct key *query);

/* The next less specific covering key's rules. */
enum lookup_result search_next(struct search *, struct stored_rules *);

#endif
