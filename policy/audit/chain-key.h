/*
 * chain-key.h - the key of a chain: its file, its id, the key that comes next.
 *
 * The id is the first CHAIN_ID hex digits of HMAC-SHA-256(key, "tlspolicy key
 * id").  It stands in the link of each file that the key seals, and tells
 * nothing of the key but which one it is.  What is sealed begins with 64 hex
 * digits and so is never that text.
 *
 * Threads: as chain.h.
 */
#ifndef TLSPOLICY_CHAIN_KEY_H
#define TLSPOLICY_CHAIN_KEY_H

#include "policy/audit/chain.h"

/* All bytes but a newline at the end, 16 or more; not if others can read it. */
bool chain_read_key(const char *path, char key[CHAIN_KEY_MAX], size_t *n,
    struct fault *) MUST_CHECK NONNULL;

/* SHA-256, or with a key HMAC-SHA-256, of the parts one behind the other. */
bool chain_hash(struct chain *, const struct slice parts[], size_t n,
    char hex[CHAIN_HEX + 1]) MUST_CHECK NONNULL;

/* "" without a key. */
const char *chain_id(const struct chain *) NONNULL;

#endif
