/*
 * record-handshake.h - a line of the audit log about TLS with a server.
 *
 * Threads: no state.  Ownership: a record only points to what it describes.
 */
#ifndef TLSPOLICY_AUDIT_RECORD_HANDSHAKE_H
#define TLSPOLICY_AUDIT_RECORD_HANDSHAKE_H

#include <stdint.h>

#include "policy/audit/tlsrpt.h"
#include "policy/base/attribute.h"

/*
 * TLS with a server of a domain, or that it could not be had, as Postfix tells
 * by its TLSRPT socket, without a message; or, `maillog`, as an MTA logs that
 * it keeps a message for want of TLS.
 */
struct record_handshake {
	int64_t time_us;
	struct slice domain; /* of the next hop */
	const struct tlsrpt_policy *policy; /* type NULL: not told */
	bool maillog;
	struct slice node, mta, queue_id, rcpt; /* of a log */
};

bool record_handshake_format(const struct record_handshake *, struct text *out)
    MUST_CHECK NONNULL;

#endif
