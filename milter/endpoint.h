/*
 * endpoint.h - "inet:PORT@HOST" and "inet6:PORT@HOST" of the settings, as an
 * address and a port.
 *
 * HOST is an address or a name, which is looked up once; its first address of
 * the family counts.  Threads: no state.
 */
#ifndef TLSPOLICY_ENDPOINT_H
#define TLSPOLICY_ENDPOINT_H

#include <netinet/in.h>

#include "policy/policy.h"

struct endpoint {
	bool ipv6;
	char address[INET6_ADDRSTRLEN];
	uint16_t port;
};

/* `setting` is named by the fault. */
bool endpoint_parse(const char *value, const char *setting,
    struct endpoint *, struct fault *) MUST_CHECK NONNULL;

#endif
