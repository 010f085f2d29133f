/*
 * target.h - what to probe, as it is written on the command line.
 *
 *     example.com           the MX hosts of a domain, port 25
 *     [mx.example.com]      this host; so Postfix writes it
 *     mx.example.com:587    this host, this port
 *     192.0.2.1  [192.0.2.1]:25  2001:db8::1  [2001:db8::1]:25
 *
 * Threads: no state.
 */
#ifndef TLSPOLICY_PROBE_TARGET_H
#define TLSPOLICY_PROBE_TARGET_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/base/fault.h"
#include "policy/base/text.h"

enum { TARGET_HOST_MAX = 256 };

struct target {
	char host[TARGET_HOST_MAX]; /* A-labels; an address without brackets */
	uint16_t port;
	bool by_mx;	 /* a domain: ask the DNS for its hosts */
	bool is_address;
};

/* FAULT_DATA says what was expected. */
bool target_parse(struct slice text, struct target *, struct fault *)
    MUST_CHECK;

#endif
