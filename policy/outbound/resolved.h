/*
 * resolved.h - what another resolver of Postfix's policies said of a domain.
 *
 * A resolver of MTA-STS or DANE answers the same questions in the same words
 * (socketmap_table(5), postconf(5), smtp_tls_policy_maps).  Its answer is taken
 * apart here, level.c makes one of it and ours.  An answer that is not
 * understood to the last word is none: it might have asked for more.
 *
 * Threads: no state.  Slices point into the reply.
 */
#ifndef TLSPOLICY_OUTBOUND_RESOLVED_H
#define TLSPOLICY_OUTBOUND_RESOLVED_H

#include "policy/base/text.h"
#include "policy/conf/settings.h"

enum { RESOLVED_ATTRIBUTES_MAX = 32 };

enum resolved_kind {
	RESOLVED_NOTHING, /* it has no policy for that name */
	RESOLVED_POLICY,
	RESOLVED_FAILED	  /* `why`: it gave no answer, or none that counts */
};

struct resolved_attribute {
	struct slice name, value; /* "match", ".mx.example" */
	struct slice raw;	  /* with braces, where it had any */
};

struct resolved {
	enum resolved_kind kind;
	const char *why;
	struct slice reply;	  /* as it came */
	enum outbound_level level;
	struct resolved_attribute attributes[RESOLVED_ATTRIBUTES_MAX];
	unsigned n;
};

/* "dane-only"; false: Postfix has no such level. */
const char *resolved_level_name(enum outbound_level);
bool resolved_level(struct slice word, enum outbound_level *);

/* "OK secure match=.mx.example servername=hostname". */
void resolved_parse(struct slice reply, struct resolved *);
void resolved_fail(struct resolved *, const char *why);

/* The value of the last attribute of that name; false: there is none. */
bool resolved_value(const struct resolved *, const char *name, struct slice *);

#endif
