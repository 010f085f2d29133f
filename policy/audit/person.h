/*
 * person.h - what of a record is somebody's, and what stands in its place.
 *
 * With the setting privacy a value that tells of a person is not in the record.
 * In its place is a commitment to it and what of it is nobody's own:
 *
 *	~0123456789abcdef0123456789abcdef@example.com
 *
 * The hex digits are the first PERSON_COMMITMENT bytes of
 * HMAC-SHA-256(salt, "KIND:VALUE").  Each value has a random salt of its own
 * for a day; salt and value stand in the day's file of salts (salts.h).  Who
 * has them can test the commitment; without the salt it is a random number,
 * whoever guesses the value.
 *
 * A commitment is tied to one value: to find two with one commitment takes 2^64
 * trials, to find one for a given commitment 2^128.
 *
 * Threads: no state but the structs'.
 */
#ifndef TLSPOLICY_AUDIT_PERSON_H
#define TLSPOLICY_AUDIT_PERSON_H

#include "policy/base/fault.h"
#include "policy/base/jsonput.h"
#include "policy/facts/facts.h"

enum person_kind {
	PERSON_NOBODY,
	PERSON_MAILBOX,	    /* shown: its domain */
	PERSON_LOGIN,	    /* shown: the domain in it, if any */
	PERSON_HOST,	    /* shown: the registered domain */
	PERSON_ADDRESS,	    /* of a client */
	PERSON_CERTIFICATE, /* a name in it, or its fingerprint; no server's */
	PERSON_RULE,	    /* "LINE KEY REQUIREMENT", about one of these */
	PERSON_TEXT,	    /* that was made of any of these */
	PERSON_KINDS
};

enum {
	PERSON_SALT = 32,
	PERSON_COMMITMENT = 16,
	PERSON_HEX = 2 * PERSON_COMMITMENT,
	PERSON_TOKEN = 1 + PERSON_HEX /* with its "~" */
};

/* HELO names of doctor's sessions begin so, and are nobody's. */
#define PERSON_TRIAL "tlspolicy-doctor-"

const char *person_kind_name(enum person_kind); /* "mailbox" */
bool person_kind_by_name(struct slice, enum person_kind *) MUST_CHECK NONNULL;

/* What computes commitments; belongs to one thread at a time. */
struct person_hash;
/* NULL with a fault: OpenSSL failed. */
struct person_hash *person_hash_new(struct fault *) MUST_CHECK NONNULL;
void person_hash_free(struct person_hash *);
/* All bytes of the HMAC, of which a commitment is the beginning. */
bool person_hash_value(struct person_hash *, const unsigned char *salt,
    enum person_kind, struct slice value, unsigned char mac[PERSON_SALT])
    MUST_CHECK NONNULL;

/* Who gives commitments while one record is written. */
struct person_hiding {
	/* False: it cannot. */
	bool (*commit)(void *arg, enum person_kind, struct slice value,
	    char hex[PERSON_HEX + 1]);
	void *arg;
	int32_t day;  /* since 1970, of the salts */
	bool failed;  /* some value has none: the record is not to be used */
};

/*
 * Is there a person in it?  Not in null senders, in a host's name that is a
 * registered domain, in a loopback address.
 */
bool person_is_in(enum person_kind, struct slice value) MUST_CHECK;

/*
 * A string with a commitment in place of `value`, behind `before`.  What is
 * shown is found in `shown`, which is the value, decoded.
 */
void person_put(struct person_hiding *, struct jsonput *, struct slice before,
    enum person_kind, struct slice value, struct slice shown);

/* The kind of what stands behind the tag of a rule's key. */
enum person_kind person_of_key(struct slice key, struct slice *tag,
    struct slice *what) NONNULL;
/*
 * Does a requirement tell of a person?  `certificate`: the client's is a
 * person's, so that names in it do.
 */
bool person_in_requirement(struct slice requirement, bool certificate);

/* The certificate in a record: a person's, unless its CN is a server's name. */
bool person_has_certificate(const struct facts *) NONNULL;

/* The commitment in a string; false: there is none. */
bool person_find(struct slice, size_t *at) MUST_CHECK NONNULL;
/* What may be shown of a hidden value: the string behind its commitment. */
struct slice person_shown(struct slice);

#endif
