/*
 * client.h - the clients that CLIENT and WHEN name.
 *
 * A value is what may stand behind TLS_Clt: a network or an address in every
 * spelling, a host name, ".name" for all below it, "[network]" for clients
 * without a name.  But "name" is that host alone.
 *
 * A name counts only when address and name lead to each other: sendmail says so
 * in {client_resolve}, Postfix's {client_name} is so by itself.
 *
 * Threads: no state.
 */
#ifndef TLSPOLICY_CLIENT_H
#define TLSPOLICY_CLIENT_H

#include "policy/base/fault.h"
#include "policy/rules/item.h"

/* The value is well-formed.  The fault has no column. */
bool client_check(struct slice value, struct fault *) MUST_CHECK NONNULL;
/* With names as A-labels, into `out`, which may be cut.  False: out of memory. */
bool client_print(struct slice value, struct text *out) MUST_CHECK NONNULL;

/*
 * Is the client one of them?  Cannot tell: for want of the fact *missing, or
 * because of what it says.  Allocates only for names that are not ASCII.
 */
enum answer client_is(const struct facts *, struct slice value,
    enum fact_id *missing) NONNULL;
/*
 * client_is() for the WHEN items of a requirement: any one will do; none is
 * yes.
 */
enum answer client_is_meant(const struct facts *, const struct requirement *,
    enum fact_id *missing) NONNULL;

/* Every client of `narrow` is one of `wide`; false also when not certain. */
bool client_covers(struct slice wide, struct slice narrow);
/* No client is one of both; false also when not certain. */
bool client_excludes(struct slice a, struct slice b);
/* A line's WHEN items let in this client, or network; NULL: everybody. */
bool client_when_counts(const struct requirement *,
    const struct slice *client);
/* Every client that the WHEN items of `narrow` let in those of `wide` do. */
bool client_when_covers(const struct requirement *wide,
    const struct requirement *narrow) NONNULL;
/* Have the two the same FROM and UNTIL, and WHEN for the same clients? */
bool client_same_conditions(const struct requirement *,
    const struct requirement *) NONNULL;

#endif
