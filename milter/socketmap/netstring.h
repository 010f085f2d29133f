/*
 * netstring.h - "5:hello,": length, colon, bytes, comma (D. J. Bernstein,
 * "Netstrings", 1997), as the socketmap protocol frames its messages.
 *
 * A length is decimal, without leading zeros, at most NETSTRING_MAX.
 * Threads: no state.
 */
#ifndef TLSPOLICY_MILTER_SOCKETMAP_NETSTRING_H
#define TLSPOLICY_MILTER_SOCKETMAP_NETSTRING_H

#include "policy/policy.h"

/* No key of a rule is longer; sendmail's limit is 1,000,000. */
enum { NETSTRING_MAX = 4096, NETSTRING_FRAME_MAX = NETSTRING_MAX + 6 };

enum netstring_result { NETSTRING_WHOLE, NETSTRING_PARTIAL, NETSTRING_BAD };

/*
 * The first netstring of `bytes`: its content, and in *used its length with
 * the frame.
 */
enum netstring_result netstring_read(struct slice bytes, struct slice *content,
    size_t *used) NONNULL;

#endif
