/*
 * merkle.h - one hash for many lines, from which each can be proved alone.
 *
 * A tree as in RFC 9162, section 2.1, over the lines of the log, but that what
 * is hashed is text, so that sha256sum(1) and printf(1) will do: a leaf is the
 * SHA-256 of a line with its newline, a node that of the 64 hex digits of its
 * left and the 64 of its right side.  A line begins with "{", which is no hex
 * digit: neither can be taken for the other.
 *
 * Threads: a tree and its hasher belong to one thread at a time.
 */
#ifndef TLSPOLICY_MERKLE_H
#define TLSPOLICY_MERKLE_H

#include "policy/audit/chain.h"

enum { MERKLE_LEVELS = 48 };

/* What has to be known of the leaves so far. */
struct merkle {
	uint64_t n;
	char hash[MERKLE_LEVELS][CHAIN_HEX + 1];
};

void merkle_init(struct merkle *) NONNULL;
/* `hasher` is a chain without a key.  False: OpenSSL failed. */
bool merkle_leaf(struct chain *hasher, struct slice line,
    char hex[CHAIN_HEX + 1]) MUST_CHECK NONNULL;
bool merkle_add(struct merkle *, struct chain *hasher,
    const char leaf[CHAIN_HEX]) MUST_CHECK NONNULL;
/* The root of a tree of one leaf or more. */
bool merkle_root(const struct merkle *, struct chain *hasher,
    char hex[CHAIN_HEX + 1]) MUST_CHECK NONNULL;

/*
 * The way from leaf `at` of `n` up to the root: calls `step` for each node
 * beside it, lowest first.
 */
bool merkle_path(const char (*leaves)[CHAIN_HEX + 1], uint64_t n, uint64_t at,
    struct chain *hasher, void (*step)(void *arg, bool left, const char *hex),
    void *arg) MUST_CHECK;

#endif
