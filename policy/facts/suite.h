/*
 * suite.h - what OpenSSL knows of protocols and cipher suites.
 *
 * No table of ours: a suite that this OpenSSL does not know is "unknown", and
 * a rule that asks about it cannot be answered.
 *
 * Threads: any; the first call asks OpenSSL, under a lock.  Afterwards it is
 * constant data, without one.
 */
#ifndef TLSPOLICY_SUITE_H
#define TLSPOLICY_SUITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/base/fault.h"
#include "policy/base/nearest.h"
#include "policy/base/text.h"

struct suite {
	char name[64];	/* OpenSSL's name, "ECDHE-RSA-AES256-GCM-SHA384" */
	uint16_t id;	/* IANA's number of the suite */
	bool pfs;	/* the key exchange gives forward secrecy */
	bool aead;	/* authenticated encryption */
	bool authenticated; /* not anonymous: somebody's key signs */
	bool tls13;
	int oldest;	/* protocol that knew it first, see suite_protocol() */
};

/* NULL: OpenSSL does not know the name. */
const struct suite *suite_find(struct slice name);
/* All that it knows, by number, in the order of their names. */
size_t suite_count(void);
const struct suite *suite_at(size_t);

enum { SUITE_LIST_MAX = 256 };

/*
 * The suites of an OpenSSL cipher list (openssl-ciphers(1)) and of the TLS 1.3
 * suites that it names, as sorted ids.  False with a fault when the list means
 * nothing to OpenSSL.  Allocates; not for the judging of a session.
 */
bool suite_list(struct slice list, uint16_t ids[SUITE_LIST_MAX], size_t *n,
    struct fault *) MUST_CHECK NONNULL;

/* Cuts the first word off the list; words end at a colon, comma or semicolon. */
struct slice suite_list_word(struct slice *list) NONNULL;
/*
 * Does a word of the list mean nothing to OpenSSL, which passes over it?  Then
 * the word and one like it are in `nearest`.  Allocates.
 */
enum suite_words {
	SUITE_WORDS_KNOWN,
	SUITE_WORDS_UNKNOWN,
	SUITE_WORDS_FAILED /* OpenSSL could not be asked */
};
enum suite_words suite_list_words(struct slice list, struct nearest *)
    MUST_CHECK NONNULL;

/*
 * "TLSv1.2" or "1.2" to a number that grows with the version; 0 when it is not
 * the name of a protocol version.
 */
int suite_protocol(struct slice name);

#endif
