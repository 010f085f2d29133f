/*
 * tlsrpt.h - what Postfix 3.10 tells of TLS with a server: a datagram of
 * libtlsrpt 0.5, for each handshake and each one that could not
 * be had, with servers of domains that publish a policy of RFC 8460.
 *
 * Whoever can write to the socket is believed.  What is not whole, has more
 * parts or longer ones than the limits, or is of another version is refused; a
 * name that is not known is passed over.
 *
 * Ownership: strings point into the datagram or the arena.  Threads: no state.
 */
#ifndef TLSPOLICY_AUDIT_TLSRPT_H
#define TLSPOLICY_AUDIT_TLSRPT_H

#include <stdbool.h>

#include "policy/base/arena.h"
#include "policy/base/text.h"

/*
 * With all of a policy of MTA-STS a datagram may be long.  What is kept of it
 * fits in a record of RECORD_LINE_MAX however much of it has to be escaped.
 */
enum { TLSRPT_DATAGRAM_MAX = 65536, TLSRPT_POLICIES_MAX = 4,
	TLSRPT_FAILURES_MAX = 4, TLSRPT_STRING_MAX = 384 };

/* p == NULL: not told. */
struct tlsrpt_failure {
	const char *type;   /* of RFC 8460: "starttls-not-supported" */
	struct slice server, addr, helo, sender_addr, reason, more;
};

struct tlsrpt_policy {
	const char *type;   /* "tlsa", "sts", "no-policy-found" */
	struct slice domain; /* whose policy it is */
	bool failed;
	unsigned nfailures;
	struct tlsrpt_failure failures[TLSRPT_FAILURES_MAX];
};

struct tlsrpt {
	struct slice domain; /* of the next hop */
	unsigned npolicies;
	struct tlsrpt_policy policies[TLSRPT_POLICIES_MAX];
};

/* False: *expected says what was, at byte *at. */
bool tlsrpt_parse(struct slice datagram, struct arena *, struct tlsrpt *,
    const char **expected, size_t *at) MUST_CHECK NONNULL;

#endif
