/*
 * item.h - the items of a requirement, one row each.
 *
 * A row holds all there is to an item: its name, whether it takes a value and
 * which, the test, the reason word and the texts of a refusal, and the fact it
 * rests on (so that lint can say where it cannot be told).
 *
 * To add an item: one row in item.c, its test in predicate.c, a paragraph in
 * tlspolicy-rules(5).
 *
 * Threads: tests neither allocate nor lock; they may run at once in any number
 * of threads on different questions.
 */
#ifndef TLSPOLICY_ITEM_H
#define TLSPOLICY_ITEM_H

#include <stdbool.h>
#include <stddef.h>

#include "policy/facts/facts.h"
#include "policy/rules/requirement.h"

enum answer { ANSWER_NO, ANSWER_YES, ANSWER_CANNOT_TELL };

/* Why mail was refused, in the words of audit log and replies. */
enum reason {
	REASON_NONE,
	REASON_PLAINTEXT,
	REASON_TOO_WEAK,
	REASON_NOT_VERIFIED,
	REASON_WRONG_CERTIFICATE,
	REASON_AUTH_IN_CLEAR,
	REASON_POLICY_ERROR,
	REASON_NO_TLS, /* Try_TLS: do not try */
	REASON_COUNT
};

const char *reason_name(enum reason); /* "too-weak" */

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

/* What a test that did not say yes has to tell. */
struct observation {
	enum reason reason;
	struct text wanted, found; /* for people, decoded, printable */
	char wanted_text[FINDING_MAX], found_text[FINDING_MAX];
};

void observation_init(struct observation *);

enum item_value { VALUE_NONE, VALUE_OPTIONAL, VALUE_REQUIRED };

struct item_row {
	const char *name;
	enum item_value value;
	/* Does the value fit?  Else what was expected; NULL when it fits. */
	const char *(*check)(struct slice value);
	/* NULL: not a test but a note or a limit (FROM, UNTIL, BY, MSG). */
	enum answer (*test)(const struct predicate *, struct slice value,
	    struct observation *);
	enum fact_id fact;   /* rests on it; FACT_COUNT: on none */
	bool believes_names; /* rests on a name in the certificate */
	bool from_sendmail;  /* in sendmail's own grammar */
	bool last;	     /* takes the rest of the line */
	const char *expected; /* for messages: "CN or CN:name" */
};

/* All rows; the end has name NULL. */
const struct item_row *item_table(void);
const struct item_row *item_find(struct slice name);

/*
 * A name may hold "++" when no item follows it: CN:a++b.  sendmail cuts it
 * there and looks no further; this is what it compares.
 */
struct slice item_sendmail_value(struct slice value);
/* The row is one of those names. */
bool item_is_name(const struct item_row *);
/* Any one of several will do; sendmail wants all of its own to hold. */
bool item_is_alternative(const struct item_row *, bool compat_sendmail);

/* predicate.c: the tests that the rows name. */
enum answer predicate_cn(const struct predicate *, struct slice,
    struct observation *);
enum answer predicate_cs(const struct predicate *, struct slice,
    struct observation *);
enum answer predicate_ci(const struct predicate *, struct slice,
    struct observation *);
enum answer predicate_citag(const struct predicate *, struct slice,
    struct observation *);
enum answer predicate_icn(const struct predicate *, struct slice,
    struct observation *);
enum answer predicate_fp(const struct predicate *, struct slice,
    struct observation *);
/* Hex digits without regard to case and colons. */
bool predicate_same_fingerprint(struct slice, struct slice);
enum answer predicate_ver(const struct predicate *, struct slice,
    struct observation *);
enum answer predicate_pfs(const struct predicate *, struct slice,
    struct observation *);
enum answer predicate_aead(const struct predicate *, struct slice,
    struct observation *);
enum answer predicate_cipher(const struct predicate *, struct slice,
    struct observation *);

#endif
