/*
 * keyring.h - the keys that an auditor has, each with a chain of its own.
 *
 * A file tells by its key's id (chain-link.h) which of them it needs.  A ratchet
 * opens its epoch and all that follow.
 *
 * Threads: a keyring belongs to one thread.
 */
#ifndef TLSPOLICY_KEYRING_H
#define TLSPOLICY_KEYRING_H

#include "policy/audit/chain-key.h"
#include "policy/audit/chain-link.h"

struct keyring;

/* Without keys, but for the chain that has none.  NULL with a fault. */
struct keyring *keyring_new(struct fault *) MUST_CHECK NONNULL;
void keyring_free(struct keyring *);

/* A key file, as chain_read_key().  False with a fault. */
bool keyring_add(struct keyring *, const char *path, struct fault *)
    MUST_CHECK NONNULL;
/* A copy for another thread.  NULL with a fault. */
struct keyring *keyring_copy(const struct keyring *, struct fault *)
    MUST_CHECK NONNULL;
bool keyring_has_keys(const struct keyring *) NONNULL;

/*
 * The chain of the key that sealed a file with this link; NULL: not here.  That
 * of a ratchet is good until the next call.
 */
struct chain *keyring_of_link(struct keyring *, const struct chain_link *)
    NONNULL;
/* In one of its chains, or on the way to a key: chain_has_failed(). */
bool keyring_has_failed(const struct keyring *) MUST_CHECK NONNULL;
/* The first epoch of this ratchet that can be opened; 0: none. */
uint64_t keyring_begins(const struct keyring *, const char *id) NONNULL;
struct chain *keyring_plain(struct keyring *) NONNULL;
/*
 * For a line that tells of no key: the one that seals it behind `before`, the
 * plain one last; NULL: none does.
 */
struct chain *keyring_of_line(struct keyring *, const char before[CHAIN_HEX],
    const struct chain_line *) NONNULL;
/* The first key, or without any the plain chain. */
struct chain *keyring_first(struct keyring *) NONNULL;

#endif
