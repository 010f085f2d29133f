/*
 * mx.h - which hosts take a domain's mail, by DNS (RFC 5321, section 5.1).
 *
 * Threads: any number at once; each look-up has a resolver state of its own.
 */
#ifndef TLSPOLICY_PROBE_MX_H
#define TLSPOLICY_PROBE_MX_H

#include <stdbool.h>
#include <stddef.h>

#include "policy/base/fault.h"

enum { MX_HOSTS_MAX = 32, MX_NAME_MAX = 256 };

struct mx {
	size_t n;
	bool implicit; /* no MX record: the domain itself */
	char host[MX_HOSTS_MAX][MX_NAME_MAX]; /* best first */
};

/*
 * FAULT_UNAVAILABLE: the DNS did not answer, there is no such domain, or it
 * says that it takes no mail (RFC 7505).  `seconds` bounds the whole look-up.
 */
bool mx_lookup(const char *domain, int seconds, struct mx *, struct fault *)
    MUST_CHECK;

#endif
