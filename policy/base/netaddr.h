/*
 * netaddr.h - network addresses and prefixes.
 *
 * An IPv4-mapped IPv6 address (::ffff:192.0.2.1) is the IPv4 address: MTAs
 * that listen on one IPv6 socket see IPv4 clients so, and a rule must not
 * depend on that.  Addresses may carry sendmail's "IPv6:" tag.
 *
 * Threads: no state.
 */
#ifndef TLSPOLICY_NETADDR_H
#define TLSPOLICY_NETADDR_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/base/text.h"

enum { NETADDR_TEXT_MAX = 56 }; /* "IPv6:", address, "/128", NUL */

struct netaddr {
	uint8_t family; /* 4 or 6 */
	uint8_t bytes[16]; /* network order; the first 4 for family 4 */
};

struct netprefix {
	struct netaddr addr; /* bits past the prefix are zero */
	unsigned bits;
};

/* The bits of an address of this family: 32 or 128. */
unsigned netaddr_bits(const struct netaddr *) NONNULL;

/* A whole address; false when `s` is not one. */
bool netaddr_parse(struct slice s, struct netaddr *) MUST_CHECK NONNULL;

/* What netprefix_parse found. */
enum netprefix_result {
	NETPREFIX_OK,
	NETPREFIX_NONE,	   /* not written like an address at all */
	NETPREFIX_BITS,	   /* a slash, but no length that fits the family */
	NETPREFIX_HOSTBITS /* bits set to the right of the prefix */
};

/*
 * An address, CIDR, or sendmail's leading octets or groups: "192.0.2" is
 * 192.0.2.0/24, "IPv6:2001:db8" is 2001:db8::/32, "IPv6" is ::/0
 * (cf/README, "Connect:" and tls_client).
 */
enum netprefix_result netprefix_parse(struct slice s, struct netprefix *)
    NONNULL;

bool netprefix_covers(const struct netprefix *, const struct netaddr *) NONNULL;
/* How many leading bits two addresses of one family have in common. */
unsigned netaddr_common_bits(const struct netaddr *, const struct netaddr *)
    NONNULL;
/* Zero all bits of `a` past the first `bits`. */
void netaddr_mask(struct netaddr *a, unsigned bits) NONNULL;

/* As inet_ntop(3) writes it; the length only when it is not the whole address. */
void netaddr_print(const struct netaddr *, struct text *) NONNULL;
void netprefix_print(const struct netprefix *, struct text *) NONNULL;

#endif
