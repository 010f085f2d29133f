/*
 * history-internal.h - how a generation stands in the store; only for the files
 * of policy/store.
 *
 * Its key is \0 g, its number in 8 bytes and a part's in 4, high byte first.
 * Part 0 is the head: a struct format_generation and the texts that it counts.
 * The others hold what was changed, each key with the records that it had
 * before and those that it has since.  Nothing else in the store vouches for
 * them: the info has the sum of the newest head, each head that of the one
 * before and the sum of its own parts.
 */
#ifndef TLSPOLICY_STORE_HISTORY_INTERNAL_H
#define TLSPOLICY_STORE_HISTORY_INTERNAL_H

#include "policy/store/format.h"
#include "policy/store/history.h"

enum {
	HISTORY_KEY = 2 + 8 + 4,
	HISTORY_PART_BYTES = 15 * 4096 - 16, /* fills its pages */
	HISTORY_NAME_MAX = 255,	/* a login, a host */
	HISTORY_SOURCES_MAX = 60 * 1024
};

struct format_generation {
	uint64_t number;
	int64_t time;	 /* seconds since 1970 */
	uint64_t before; /* sum of the head of the generation before; 0: none */
	uint64_t parts_sum;
	uint64_t back_to;
	uint64_t rules, added, removed, changed;
	uint32_t parts, uid;
	uint32_t how;
	/* Bytes of the texts behind it, in this order. */
	uint32_t login, host, message;
	uint32_t sources; /* names in the generation before, each with a NUL */
	uint32_t settings; /* of the generation before, if they were others */
	unsigned char rules_digest[DIGEST_BYTES];
	unsigned char settings_digest[DIGEST_BYTES];
};

/* A change in a part; the key and the records follow. */
struct format_change {
	uint32_t key_bytes, old_bytes, new_bytes;
};

void history_key(uint64_t number, uint32_t part,
    unsigned char key[HISTORY_KEY]) NONNULL;
/* False: the head is not what was written for this number. */
bool history_read_head(struct slice value, uint64_t number,
    struct format_generation *, struct generation *) MUST_CHECK NONNULL;
/* The next change of a part; false at its end, or damaged: *rest not empty. */
bool history_next_change(struct slice *rest, struct history_change *)
    MUST_CHECK NONNULL;

#endif
