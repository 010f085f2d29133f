/*
 * predicate.h - the tests that the rows of item.c name, what they may ask, and
 * what they say.
 *
 * Threads: they neither allocate nor lock, see item.h.
 */
#ifndef TLSPOLICY_PREDICATE_H
#define TLSPOLICY_PREDICATE_H

#include "policy/rules/item.h"

/* What a test may ask; filled in by the evaluator. */
struct predicate {
	const struct facts *facts;
	enum tag tag;
	bool believe_unverified; /* compat = sendmail */
	/* Is `dn` an acceptable issuer under the CITag `tag`? */
	enum answer (*issuer_known)(void *, struct slice tag, struct slice dn);
	/* Is the suite in this cipher list? */
	enum answer (*suite_listed)(void *, struct slice list, unsigned id);
	void *arg;
};

enum { FINDING_MAX = 512 };

/* Of a test that did not say yes. */
struct observation {
	enum reason reason;
	struct text wanted, found; /* for people, decoded, printable */
	char wanted_text[FINDING_MAX], found_text[FINDING_MAX];
};

void observation_init(struct observation *) NONNULL;

enum answer predicate_cn(const struct predicate *, struct slice,
    struct observation *) NONNULL;
enum answer predicate_cs(const struct predicate *, struct slice,
    struct observation *) NONNULL;
enum answer predicate_ci(const struct predicate *, struct slice,
    struct observation *) NONNULL;
enum answer predicate_citag(const struct predicate *, struct slice,
    struct observation *) NONNULL;
enum answer predicate_icn(const struct predicate *, struct slice,
    struct observation *) NONNULL;
enum answer predicate_fp(const struct predicate *, struct slice,
    struct observation *) NONNULL;
enum answer predicate_pkfp(const struct predicate *, struct slice,
    struct observation *) NONNULL;
/* Hex digits without regard to case and colons. */
bool predicate_same_fingerprint(struct slice, struct slice);
enum answer predicate_ver(const struct predicate *, struct slice,
    struct observation *) NONNULL;
enum answer predicate_authenticated(const struct predicate *, struct slice,
    struct observation *) NONNULL;
enum answer predicate_pfs(const struct predicate *, struct slice,
    struct observation *) NONNULL;
enum answer predicate_aead(const struct predicate *, struct slice,
    struct observation *) NONNULL;
enum answer predicate_cipher(const struct predicate *, struct slice,
    struct observation *) NONNULL;
enum answer predicate_client(const struct predicate *, struct slice,
    struct observation *) NONNULL;

#endif
