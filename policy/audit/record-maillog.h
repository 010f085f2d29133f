/*
 * record-maillog.h - a record of what an MTA's own log tells.
 *
 * Threads: no state.
 */
#ifndef TLSPOLICY_RECORD_MAILLOG_H
#define TLSPOLICY_RECORD_MAILLOG_H

#include <stdint.h>

#include "policy/base/text.h"
#include "policy/facts/facts.h"

/*
 * A message that an MTA took in, as its own log tells: "source":"maillog", no
 * generation, rules, recipients nor chain, and of `tls` nothing at all when
 * the log does not tell.  Or with `server`, RECORD_DELIVERED, that it handed
 * one over to a server, for one recipient.
 */
struct record_maillog {
	int64_t time_us;
	const struct facts *facts;
	bool exempt, server;
	bool matched;	   /* of a delivery: the certificate asked for */
	struct slice rcpt; /* of a delivery, without <> */
};

bool record_maillog_format(const struct record_maillog *, struct text *out)
    MUST_CHECK NONNULL;

/* A line that record_maillog_format() wrote. */
bool record_maillog_is(struct slice line);

#endif
