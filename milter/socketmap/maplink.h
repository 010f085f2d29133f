/*
 * maplink.h - one connection to the socketmap.
 *
 * Requests are answered in their order.  A peer may send many without waiting,
 * but not go on sending while it does not read: what it has not read is
 * bounded, and so is the time for a request to come whole and for an answer to
 * be read.  A request for which the resolver has to be asked waits for that, and
 * those behind it too.  Between requests a connection may rest for an hour: MTAs keep
 * theirs, and sendmail takes one that was closed for a failed look-up.
 *
 * Threads: that of the event loop only.
 */
#ifndef TLSPOLICY_MILTER_SOCKETMAP_MAPLINK_H
#define TLSPOLICY_MILTER_SOCKETMAP_MAPLINK_H

#include <event2/event.h>
#include <sys/queue.h>

#include "milter/daemon.h"
#include "milter/socketmap/resolver.h"

struct maplink;
TAILQ_HEAD(maplinks, maplink);

/* What all connections share. */
struct maplink_owner {
	struct daemon *daemon;
	struct event_base *base;
	struct resolver *resolver; /* NULL: there is none */
	/* the connection that has been idle longest is first */
	struct maplinks links;
	unsigned n;
};

/* Takes over `fd`; without memory it is closed. */
void maplink_open(struct maplink_owner *, evutil_socket_t fd) NONNULL;

/* End the connection that has rested longest.  False: there is none. */
bool maplink_drop_oldest(struct maplink_owner *) NONNULL;
void maplink_close_all(struct maplink_owner *) NONNULL;

#endif
