/*
 * feed.h - the facts feed: Postfix tells by its policy delegation what it tells
 * no milter, fingerprints of certificates (SMTPD_POLICY_README; the service
 * stands in smtpd_recipient_restrictions before any permit).
 *
 * It judges nothing and its answer is always DUNNO.  The milter's RCPT comes
 * after it: what was told is taken by the callback, and tags whose rules could
 * not be judged at MAIL for want of it are judged then.  Where it has nothing,
 * they stay what they were, "cannot tell".
 *
 * Whoever can connect to the socket is believed, where nobody says otherwise.
 *
 * Threads: the main thread starts and stops it; feed_mark()
 * and feed_ask() are for callbacks.
 */
#ifndef TLSPOLICY_MILTER_FEED_FEED_H
#define TLSPOLICY_MILTER_FEED_FEED_H

#include "milter/daemon.h"
#include "milter/feed/feedtable.h"

struct feed;

/* Serve on `fd`, which it takes over.  NULL with a fault: it does not. */
struct feed *feed_start(struct daemon *, int fd, struct fault *)
    MUST_CHECK NONNULL;
/*
 * No more is told then; what was told stays, as callbacks may still ask.  NULL
 * does nothing.
 */
void feed_stop(struct feed *);

/* This MTA's facts come, in part, by a feed: of a session with TLS. */
bool feed_tells(const struct facts *) NONNULL;

/* See feedtable_mark() and feedtable_take(). */
uint64_t feed_mark(struct feed *) NONNULL;
enum feedtable_result feed_ask(struct feed *, struct facts *, uint64_t mark)
    MUST_CHECK NONNULL;

#endif
