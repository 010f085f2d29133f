/*
 * domain.h - domain names in the one spelling that rules and sessions share.
 *
 * Canonical: A-labels (RFC 5890), lower case, no dot at the end.  Names come
 * from clients and are hostile; a label that is not a valid U-label becomes what
 * an MTA that is less strict makes of it (punycode.h), or stays as its bytes, so
 * that the parents of a malformed name still find their rules.  The dots of other
 * scripts are dots.
 * An address literal is written as inet_ntop(3) does, in brackets.
 *
 * Threads: no state.
 */
#ifndef TLSPOLICY_DOMAIN_H
#define TLSPOLICY_DOMAIN_H

#include <stdbool.h>

#include "policy/base/text.h"

enum { DOMAIN_TEXT_MAX = 1024 };

enum domain_result {
	DOMAIN_WHOLE,
	DOMAIN_ODD, /* some label is none by IDNA 2008, or it did not fit */
	DOMAIN_NO_MEMORY /* what some label is could not be told */
};

/*
 * Appends the canonical form of `name` to `out`.  A name that does not fit loses
 * labels on the left, and its parents are still there.  Allocates only for names
 * that are not ASCII.
 */
enum domain_result domain_canonical(struct slice name, struct text *out) NONNULL;

/*
 * The name with its labels in reverse, each ended by '\1', into `out`:
 * "mail.example.com" gives "com\1example\1mail\1".  A name that does not fit
 * loses its deepest labels.  With `subdomains_only` one more '\1' follows: the
 * key of ".example.com", which sorts before every deeper name and behind
 * "example.com" itself, as sendmail's order of keys asks for.  Returns the
 * length.
 */
size_t domain_reverse(struct slice canonical, bool subdomains_only, char *out,
    size_t size) NONNULL;

#endif
