/*
 * digest.h - SHA-256 of something that comes piece by piece.
 *
 * Threads: a digest belongs to one.  What fails, OpenSSL or memory for it, is
 * told at the end: no digest then.
 */
#ifndef TLSPOLICY_DIGEST_H
#define TLSPOLICY_DIGEST_H

#include "policy/base/fault.h"
#include "policy/base/text.h"

enum {
	DIGEST_BYTES = 32,
	DIGEST_HEX = 2 * DIGEST_BYTES,
	DIGEST_SHORT = 16 /* digits that are enough where the whole stands elsewhere */
};

struct digest;

/* NULL with a fault. */
struct digest *digest_new(struct fault *) MUST_CHECK;
void digest_free(struct digest *);

/* Small pieces are put together before OpenSSL sees them. */
void digest_add(struct digest *, struct slice) NONNULL;
/* False with a fault.  Either way the digest is still to be freed. */
bool digest_end(struct digest *, unsigned char bytes[DIGEST_BYTES],
    struct fault *) MUST_CHECK NONNULL;

/* The digest of one piece; false with a fault. */
bool digest_of(struct slice, unsigned char bytes[DIGEST_BYTES],
    struct fault *) MUST_CHECK;

void digest_print(const unsigned char bytes[DIGEST_BYTES], struct text *)
    NONNULL;

#endif
