/*
 * feedlink.h - one connection of an smtpd(8) to the facts feed.
 *
 * Each request is answered with DUNNO, which leaves the recipient to whatever
 * else Postfix has.  What is no request ends the connection: Postfix then does
 * as smtpd_policy_service_default_action says.  A request must come whole, and
 * an answer be read, within ten seconds; between requests a connection may rest
 * for an hour (smtpd's own limit is 300 s, smtpd_policy_service_max_idle).
 *
 * Threads: that of the event loop only.
 */
#ifndef TLSPOLICY_MILTER_FEED_FEEDLINK_H
#define TLSPOLICY_MILTER_FEED_FEEDLINK_H

#include <event2/event.h>
#include <sys/queue.h>

#include "milter/feed/feedtable.h"
#include "milter/metrics/metrics.h"

struct feedlink;
TAILQ_HEAD(feedlinks, feedlink);

/* What all connections share. */
struct feedlink_owner {
	struct event_base *base;
	struct metrics *metrics;
	struct feedtable *table;
	struct feedlinks links; /* that which has rested longest is first */
	unsigned n;
};

/* Takes over `fd`; without memory it is closed. */
void feedlink_open(struct feedlink_owner *, evutil_socket_t fd) NONNULL;
void feedlink_drop_oldest(struct feedlink_owner *) NONNULL;
void feedlink_close_all(struct feedlink_owner *) NONNULL;

#endif
