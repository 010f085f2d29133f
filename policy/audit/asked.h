/*
 * asked.h - whom a recorded question of an MTA that delivers was about.
 *
 * Postfix asks for dest.test, .dest.test, [mx.dest.test]:587; sendmail for
 * tls_srv:mx.dest.test or tls_rcpt:user@dest.test, or for all of that at once
 * (policy/outbound/sendmail.c).
 *
 * Threads: no state.  The name points into the record.
 */
#ifndef TLSPOLICY_AUDIT_ASKED_H
#define TLSPOLICY_AUDIT_ASKED_H

#include "policy/audit/reader.h"

struct asked {
	struct slice name; /* without dot, brackets, port and mailbox */
	bool host;	   /* a server, not the domain of a recipient */
	bool below;	   /* not the domain itself: ".dest.test" */
};

struct asked asked_about(const struct reader_outbound *);

#endif
