/*
 * chain-key.h - the key of a chain: its file, its id, the key that comes next.
 *
 * The id is the first CHAIN_ID hex digits of HMAC-SHA-256(key, "tlspolicy key
 * id").  It stands in the link of each file that the key seals, and tells
 * nothing of the key but which one it is.  What is sealed begins with 64 hex
 * digits and so is never that text.
 *
 * A key that is a ratchet is good for one epoch: the next one's is its SHA-256,
 * and then it is wiped.  Who has it cannot come by those before.  Its file is
 *
 *	tlspolicy ratchet 1
 *	id ID
 *	epoch N
 *	key 64 HEX DIGITS
 *
 * where ID is the id of the key of epoch 1, and stands in every link of every
 * epoch; any other file is the bytes of a key that stays.
 *
 * Threads: as chain.h.
 */
#ifndef TLSPOLICY_CHAIN_KEY_H
#define TLSPOLICY_CHAIN_KEY_H

#include "policy/audit/chain.h"

enum { CHAIN_RATCHET_BYTES = 32, CHAIN_RATCHET_TEXT = 256 };

struct chain_key {
	char bytes[CHAIN_KEY_MAX];
	size_t n;
	uint64_t epoch;		/* 0: no ratchet */
	char id[CHAIN_ID + 1];	/* of a ratchet: of its first key; else "" */
};

/*
 * A ratchet, or all bytes but a newline at the end, 16 or more; not if others
 * can read it.  For root a ratchet may be of who owns the folder.
 */
bool chain_read_key(const char *path, struct chain_key *, struct fault *)
    MUST_CHECK NONNULL;
void chain_wipe_key(struct chain_key *) NONNULL;
/* The file begins like a ratchet, whether it can be used or not. */
bool chain_is_ratchet(const char *path) NONNULL;

/*
 * Moves to the key of the next epoch.  False: no ratchet, its end, or OpenSSL
 * failed.
 */
bool chain_advance_key(struct chain_key *) MUST_CHECK NONNULL;
/* A ratchet of epoch 1 with these bytes.  False with a fault. */
bool chain_start_ratchet(const unsigned char bytes[CHAIN_RATCHET_BYTES],
    struct chain_key *, struct fault *) MUST_CHECK NONNULL;
/* The text of a ratchet's file, CHAIN_RATCHET_TEXT bytes at most. */
void chain_print_ratchet(const struct chain_key *, struct text *) NONNULL;

/* As chain_new(), for such a key. */
struct chain *chain_of_key(const struct chain_key *, struct fault *)
    MUST_CHECK NONNULL;
/* A copy for another thread.  NULL with a fault. */
struct chain *chain_copy(const struct chain *, struct fault *) MUST_CHECK
    NONNULL;
/*
 * Gives the chain another epoch's key of the same ratchet.  False: it can be
 * used no more.
 */
bool chain_set_key(struct chain *, const struct chain_key *) MUST_CHECK NONNULL;

/* SHA-256, or with a key HMAC-SHA-256, of the parts one behind the other. */
bool chain_hash(struct chain *, const struct slice parts[], size_t n,
    char hex[CHAIN_HEX + 1]) MUST_CHECK NONNULL;

/*
 * OpenSSL has failed in it, some time: what did not fit may fit all the same, and
 * is no sign of a forger.
 */
bool chain_has_failed(const struct chain *) MUST_CHECK NONNULL;
/* "" without a key; of a ratchet the id of its first key. */
const char *chain_id(const struct chain *) NONNULL;
/* 0: the key is no ratchet, or there is none. */
uint64_t chain_epoch(const struct chain *) NONNULL;

#endif
