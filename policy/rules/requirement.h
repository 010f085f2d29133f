/*
 * requirement.h - the right side of a rule.
 *
 *     rule   = "OK" / [ class "+" ] need [ "+" item *( "++" item ) ]
 *     class  = "PERM" / "TEMP" / "WARN" / "HOLD"
 *     need   = "VERIFY" [ ":" bits ] / "ENCR:" bits
 *     rule   =/ "AS:" profile *( "++" item ), put together by profile.h
 *     TLS_Srv, TLS_Rcpt: need =/ "DANE" [ ":may" ]
 *     Try_TLS: "NO" / "OK"; a CITag row: "OK"
 *
 * A superset of sendmail's TLS rules (cf/README, "Allowing Connections", the
 * TLS_connection ruleset of cf/m4/proto.m4), strict where sendmail accepts.
 * Parsing allocates nothing: the slices point into the parsed text, which
 * must outlive the struct.  The same parser reads rule files and the store.
 *
 * Threads: no state.
 */
#ifndef TLSPOLICY_REQUIREMENT_H
#define TLSPOLICY_REQUIREMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/base/fault.h"
#include "policy/rules/tag.h"

enum {
	REQUIREMENT_ITEMS_MAX = 24,
	REQUIREMENT_TEXT_MAX = 1024,
	REQUIREMENT_BITS_MAX = 65535
};

enum need {
	NEED_OK,
	NEED_NO,
	NEED_VERIFY,
	NEED_ENCR,
	NEED_DANE,     /* Postfix's dane-only */
	NEED_DANE_MAY, /* Postfix's dane */
	NEED_AS        /* the profile's, not looked up yet */
};

enum rule_class {
	CLASS_NONE, /* as the setting default-class says */
	CLASS_PERM,
	CLASS_TEMP,
	CLASS_WARN,
	CLASS_HOLD
};

struct item_row; /* item.h */

struct item {
	const struct item_row *row;
	struct slice value; /* as written; empty when there is none */
	size_t offset;	    /* where the item begins in the text */
};

/* Days since 1970-01-01, UTC. */
#define DAY_ALWAYS_FROM INT32_MIN
#define DAY_ALWAYS_UNTIL INT32_MAX

struct requirement {
	enum rule_class class;
	enum need need;
	bool has_bits;
	unsigned bits;
	int32_t from, until; /* first and last day on which the rule counts */
	struct slice by, msg;
	struct slice profile; /* empty: a line that stands for itself */
	unsigned nwhen; /* items WHEN: the line counts for such clients only */
	unsigned nitems;
	struct item items[REQUIREMENT_ITEMS_MAX];
};

/*
 * On failure fills the fault with what was found and what was expected, and
 * its column with the offset in `text` plus 1.
 */
bool requirement_parse(struct slice text, enum tag, struct requirement *,
    struct fault *) MUST_CHECK NONNULL;

/* "VERIFY:128" without the bits; "DANE:may". */
const char *requirement_need_name(const struct requirement *) NONNULL;

/* Key words in upper case, numbers without leading zeros, else unchanged. */
void requirement_print(const struct requirement *, struct text *) NONNULL;

/* The rule is limited to a span of days. */
bool requirement_is_dated(const struct requirement *) NONNULL;
/*
 * The rule is dated or for some clients only: another line may stand behind it.
 */
bool requirement_is_conditional(const struct requirement *) NONNULL;
/* The rule counts on `day`. */
bool requirement_counts_on(const struct requirement *, int32_t day) NONNULL;

const char *rule_class_name(enum rule_class); /* "PERM"; "" for CLASS_NONE */

/* "2026-12-31"; false when it is not a date of the calendar (1970 to 9999). */
bool day_parse(struct slice, int32_t *day) NONNULL;
void day_print(int32_t day, struct text *) NONNULL;

#endif
