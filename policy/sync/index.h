/*
 * index.h - what the rules in force stand on, and which entries they are of.
 *
 * A rule stands under its key, under the profile that it names and the issuers'
 * tags that it names; an issuer's row under its tag.  So it is found without a
 * look at all of them whom a change can concern.
 *
 * Places are known by a hash: two that have the same one cost a look too many.
 *
 * Ownership: all is copied in.  Threads: one.
 */
#ifndef TLSPOLICY_SYNC_INDEX_H
#define TLSPOLICY_SYNC_INDEX_H

#include "policy/base/arena.h"
#include "policy/rules/rulefile.h"
#include "policy/store/synced.h"

enum sync_place {
	PLACE_KEY,     /* bytes of a key */
	PLACE_PROFILE, /* the key bytes of a profile that the rule names */
	PLACE_CITAG,   /* an issuer's tag that the rule names by CITag */
	PLACE_ISSUER,  /* the tag of an issuer's row */
	PLACE_PROFILES /* all of these */
};

struct sync_link {
	uint64_t place;
	unsigned char uuid[SYNCED_UUID];
	struct sync_link *next; /* private */
};

struct sync_index {
	struct sync_link **heads;
	size_t n, size;
	struct arena links;
	struct sync_link *unused; /* of these */
};

/* Tags in any case. */
uint64_t sync_place_of(enum sync_place, struct slice);
/* Each place that a rule stands under; `what` is good during the call. */
void sync_places_of(const struct rule *, void (*each)(void *, enum sync_place,
    struct slice what), void *arg);

void sync_index_init(struct sync_index *) NONNULL;
void sync_index_free(struct sync_index *) NONNULL;
/* Empty, with room for so many.  False: no memory. */
bool sync_index_renew(struct sync_index *, size_t n) MUST_CHECK NONNULL;
/* False: no memory. */
bool sync_index_add(struct sync_index *, uint64_t place,
    const unsigned char uuid[SYNCED_UUID]) MUST_CHECK NONNULL;
/* Removes a link that was added for this place and entry. */
void sync_index_remove(struct sync_index *, uint64_t place,
    const unsigned char uuid[SYNCED_UUID]) NONNULL;
/* The first one of a place, or the one after that; NULL: no more. */
const struct sync_link *sync_index_find(const struct sync_index *,
    uint64_t place, const struct sync_link *after);

#endif
