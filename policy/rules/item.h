/*
 * item.h - the items of a requirement, one row each.
 *
 * A row holds all there is to an item: its name, whether it takes a value and
 * which, the test, the reason word and the texts of a refusal, and the fact it
 * rests on (so that lint can say where it cannot be told).
 *
 * To add an item: an enumerator here, its row in item.c, its test in
 * predicate.c, a paragraph in tlspolicy-rules(5).  The compiler then names the
 * switches that have to decide (what Postfix is told, what a cipher suite has
 * to do with it), t/804-language.t the rest.
 *
 * Threads: tests neither allocate nor lock; any number may run at once.
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
	REASON_WRONG_CLIENT,
	REASON_POLICY_ERROR,
	REASON_NO_TLS, /* Try_TLS: do not try */
	REASON_COUNT
};

const char *reason_name(enum reason); /* "too-weak" */

struct predicate; /* predicate.h: what a test may ask, and what it says */

/* The rows of the table, in its order. */
enum item_id {
	ITEM_CN,
	ITEM_CS,
	ITEM_CI,
	ITEM_CITAG,
	ITEM_ICN,
	ITEM_FP,
	ITEM_PKFP,
	ITEM_VER,
	ITEM_AUTHENTICATED,
	ITEM_PFS,
	ITEM_AEAD,
	ITEM_CIPHER,
	ITEM_CLIENT,
	ITEM_WHEN,
	ITEM_FROM,
	ITEM_UNTIL,
	ITEM_BY,
	ITEM_MSG,
	ITEM_COUNT
};

enum item_value { VALUE_NONE, VALUE_OPTIONAL, VALUE_REQUIRED };

struct item_row {
	enum item_id id;
	const char *name;
	enum item_value value;
	/* Does the value fit?  Else what was expected; NULL when it fits. */
	const char *(*check)(struct slice value);
	/* NULL: no test but a note or a limit (WHEN, FROM, UNTIL, BY, MSG). */
	enum answer (*test)(struct predicate *, struct slice value);
	enum fact_id fact;   /* that it rests on; FACT_COUNT: on none */
	bool believes_names; /* rests on a name in the certificate */
	bool from_sendmail;  /* in sendmail's own grammar */
	bool last;	     /* takes the rest of the line */
	bool inbound;	     /* about the client of mail that comes in */
	const char *expected; /* for messages: "CN or CN:name" */
};

/* All rows; the end has name NULL. */
const struct item_row *item_table(void);
const struct item_row *item_find(struct slice name);
/* "CN, CS:, ... or MSG:", for a message about a word that is none. */
void item_print_names(struct text *) NONNULL;

/* sendmail cuts a name at "++" (CN:a++b); this is what it compares. */
struct slice item_sendmail_value(struct slice value);
bool item_is_name(const struct item_row *) NONNULL; /* one of those */
bool item_is_fingerprint(const struct item_row *) NONNULL;
/* Any one of several will do; sendmail wants all of its own to hold. */
bool item_is_alternative(const struct item_row *, bool compat_sendmail) NONNULL;

#endif
