/*
 * predicate.h - the tests that the rows of item.c name.
 *
 * Threads: they neither allocate nor lock, see item.h.
 */
#ifndef TLSPOLICY_PREDICATE_H
#define TLSPOLICY_PREDICATE_H

#include "policy/rules/item.h"

enum { FINDING_MAX = 512 };

/* A test: what it may ask, which the evaluator fills in, and what it says. */
struct predicate {
	const struct facts *facts;
	enum tag tag;
	bool believe_unverified; /* compat = sendmail */
	/* Is `dn` an acceptable issuer under the CITag `tag`? */
	enum answer (*issuer_known)(void *, struct slice tag, struct slice dn);
	/* Is the suite in this cipher list? */
	enum answer (*suite_listed)(void *, struct slice list, unsigned id);
	void *arg;

	enum reason reason; /* as the next, of one that did not say yes */
	struct text wanted, found; /* for people, decoded, printable */
	char wanted_text[FINDING_MAX], found_text[FINDING_MAX];
};

/* Nothing was said so far. */
void predicate_begin(struct predicate *) NONNULL;

enum answer predicate_cn(struct predicate *, struct slice) NONNULL;
enum answer predicate_cs(struct predicate *, struct slice) NONNULL;
enum answer predicate_ci(struct predicate *, struct slice) NONNULL;
enum answer predicate_citag(struct predicate *, struct slice) NONNULL;
enum answer predicate_icn(struct predicate *, struct slice) NONNULL;
enum answer predicate_fp(struct predicate *, struct slice) NONNULL;
enum answer predicate_pkfp(struct predicate *, struct slice) NONNULL;
/* Hex digits without regard to case and colons. */
bool predicate_same_fingerprint(struct slice, struct slice);
enum answer predicate_ver(struct predicate *, struct slice) NONNULL;
enum answer predicate_authenticated(struct predicate *, struct slice) NONNULL;
enum answer predicate_pfs(struct predicate *, struct slice) NONNULL;
enum answer predicate_aead(struct predicate *, struct slice) NONNULL;
enum answer predicate_cipher(struct predicate *, struct slice) NONNULL;
enum answer predicate_client(struct predicate *, struct slice) NONNULL;

#endif
