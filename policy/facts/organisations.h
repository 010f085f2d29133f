/*
 * organisations.h - organisational domains that were asked for before.
 *
 * What the Public Suffix List says of a name takes as long as reading a record
 * of the audit log, and the same names come again and again.
 *
 * Limits: 3 MB, whatever names a stranger thinks of: new ones take the places
 * of old ones, which are then looked up again.
 * Threads: each belongs to one.
 */
#ifndef TLSPOLICY_FACTS_ORGANISATIONS_H
#define TLSPOLICY_FACTS_ORGANISATIONS_H

#include "policy/facts/organisation.h"

struct organisations;

/* NULL: out of memory; all the others take it and remember nothing. */
struct organisations *organisations_new(void) MUST_CHECK;
void organisations_free(struct organisations *);

/* Appends to `out` what organisation_organisational() does. */
void organisations_find(struct organisations *, struct slice name,
    struct text *out);

#endif
