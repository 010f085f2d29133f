/*
 * feedtable.h - what Postfix has told of sessions, until the milter asks.
 *
 * smtpd(8) asks its policy service at each RCPT and only then tells the milter
 * of it: what is told of a recipient is there when it is wanted, is taken out
 * then, and is wanted by nobody else.  A connection has one entry at most.
 *
 * An entry is of a session when everything that both know of it agrees:
 * addresses and ports of both ends, sender, recipient, TLS version, suite and
 * bits, names in the certificate.  Otherwise what one client had shown could
 * speak for the next one from the same port, where that one's own request got
 * lost.  A client whose port is not known has no entry.
 *
 * Bounded in number and age.  Threads: any.
 */
#ifndef TLSPOLICY_MILTER_FEED_FEEDTABLE_H
#define TLSPOLICY_MILTER_FEED_FEEDTABLE_H

#include "milter/feed/feedrequest.h"

enum { FEEDTABLE_MAX = 20000, FEEDTABLE_KEEP_MS = 300 * 1000 };

struct feedtable;

struct feedtable *feedtable_new(void) MUST_CHECK;
void feedtable_free(struct feedtable *);

/*
 * Keeps a copy.  False: not of a recipient, of a client that cannot be told
 * apart, or no memory; what was there of the connection is gone nevertheless.
 */
bool feedtable_put(struct feedtable *, const struct feedrequest *,
    int64_t now_ms) NONNULL;

enum feedtable_result { FEEDTABLE_TOLD, FEEDTABLE_NOTHING,
	FEEDTABLE_NO_MEMORY };

/*
 * Takes out what was told of the session and recipient in `facts`, and puts
 * the fingerprints in there: known, or absent where the client showed no
 * certificate.  FEEDTABLE_NOTHING leaves the facts alone.
 */
enum feedtable_result feedtable_take(struct feedtable *, struct facts *,
    int64_t now_ms) MUST_CHECK NONNULL;

/* How many there are. */
unsigned feedtable_count(struct feedtable *) NONNULL;

#endif
