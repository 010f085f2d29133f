/*
 * feedtable.h - what Postfix has told of sessions, until the milter asks.
 *
 * smtpd(8) asks its policy service at each RCPT and only then tells the milter
 * of it: what is told of a recipient is there when it is wanted, is taken out
 * then, and is wanted by nobody else.
 *
 * An entry is of a session when everything that both know of it agrees:
 * addresses and ports of both ends, sender, recipient, TLS version, suite and
 * bits, names in the certificate.  A client whose port is not known has no
 * entry.
 *
 * Even so the next client from the same port may look the same, and its own
 * request may get lost.  So only what was told after the session's MAIL counts:
 * smtpd(8) tells the milter of MAIL before it asks about the first RCPT, and a
 * port has another client only when the one before is gone.  Proxies and XCLIENT
 * can have two at once that look the same, and who may write to the socket can
 * tell lies; of entries that are of one session and tell of different
 * certificates none is believed.
 *
 * Bounded in number, bytes and age.  Threads: any.
 */
#ifndef TLSPOLICY_MILTER_FEED_FEEDTABLE_H
#define TLSPOLICY_MILTER_FEED_FEEDTABLE_H

#include "milter/feed/feedrequest.h"

enum { FEEDTABLE_MAX = 20000, FEEDTABLE_BYTES_MAX = 32 * 1024 * 1024,
	FEEDTABLE_KEEP_MS = 300 * 1000 };

struct feedtable;

struct feedtable *feedtable_new(void) MUST_CHECK;
void feedtable_free(struct feedtable *);

/* The number of the latest entry, for feedtable_take(). */
uint64_t feedtable_mark(struct feedtable *) NONNULL;

/*
 * Keeps a copy.  False: not of a recipient, of a client that cannot be told
 * apart, or no memory; what was there of the connection is gone nevertheless.
 * Of one connection entries stay beside each other that differ in fingerprints.
 */
bool feedtable_put(struct feedtable *, const struct feedrequest *,
    int64_t now_ms) NONNULL;

enum feedtable_result { FEEDTABLE_TOLD, FEEDTABLE_NOTHING,
	FEEDTABLE_NO_MEMORY };

/*
 * Takes out what was told of the session and recipient in `facts`, and puts
 * the fingerprints in there: known, or absent where the client showed no
 * certificate.  FEEDTABLE_NOTHING leaves the facts alone: nothing was told since
 * the mark, or two things.
 */
enum feedtable_result feedtable_take(struct feedtable *, struct facts *,
    uint64_t mark, int64_t now_ms) MUST_CHECK NONNULL;

/* How many there are. */
unsigned feedtable_count(struct feedtable *) NONNULL;

#endif
