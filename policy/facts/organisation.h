/*
 * organisation.h - domains of addresses and hosts, for choosing and grouping.
 *
 * Threads: no state but the struct's.
 */
#ifndef TLSPOLICY_FACTS_ORGANISATION_H
#define TLSPOLICY_FACTS_ORGANISATION_H

#include "policy/base/domain.h"

/* What stands behind the last @; empty when there is none. */
struct slice organisation_of_address(struct slice address);

/* `name` is `domain` or below it, without regard to case. */
bool organisation_covers(struct slice domain, struct slice name);

/*
 * The organisational domain, that which somebody registered: "example.co.uk"
 * of "mx.mail.example.co.uk", by the Public Suffix List of libpsl.  A name
 * without one (an address, a suffix itself) stands for itself.  `out` gets the
 * canonical form.
 */
void organisation_organisational(struct slice name, struct text *out) NONNULL;

/*
 * The same by the registries' part of that list alone, so that names which a
 * provider gives to its customers have the provider's domain.  False, and `out`
 * is empty: an address, a suffix, or below no suffix that is known.
 */
bool organisation_registered(struct slice name, struct text *out) MUST_CHECK
    NONNULL;

#endif
