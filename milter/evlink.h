/*
 * evlink.h - one connection of an evserver: limits and times of all protocols in
 * which an MTA asks and is answered in the order of its requests.
 *
 * A peer may send many requests without waiting, but not go on sending while it
 * does not read: what it has not read is bounded, and so is the time for a
 * request to come whole and for an answer to be read.  Between requests a
 * connection may rest for an hour: MTAs keep theirs, and sendmail takes one
 * that was closed for a failed look-up.
 *
 * Threads: that of the event loop only.
 */
#ifndef TLSPOLICY_MILTER_EVLINK_H
#define TLSPOLICY_MILTER_EVLINK_H

#include <event2/event.h>
#include <sys/queue.h>

#include "milter/metrics/metrics.h"

struct evbuffer;
struct evlink;
struct evserver;

enum evlink_answered {
	EVLINK_ANSWERED,
	EVLINK_PARTIAL, /* the request has not come whole */
	EVLINK_WAITS,	/* it is answered later: evlink_go_on() */
	EVLINK_BAD	/* the connection ends; *why says for what */
};

/* A protocol. */
struct evlink_kind {
	size_t size;	      /* of a struct that begins with struct evlink */
	size_t request_max;   /* bytes that its longest request takes */
	size_t input_max;     /* so many are read ahead */
	size_t output_max;    /* so many may be unread */
	enum counter opened, dropped;
	/*
	 * The first request of `bytes` to `out`; *used: how long it was, with
	 * EVLINK_ANSWERED.
	 */
	enum evlink_answered (*answer)(struct evlink *, struct slice bytes,
	    struct evbuffer *out, size_t *used, const char **why);
	void (*closed)(struct evlink *); /* NULL: nothing to be given up */
};

enum evlink_state { EVLINK_RESTS, EVLINK_WORKS, EVLINK_IS_WAITING };

struct evlink {
	TAILQ_ENTRY(evlink) entry;
	struct evserver *server;
	struct bufferevent *buffers;
	struct event *timer;
	bool waits;
	enum evlink_state state; /* what the timer is set for */
};

TAILQ_HEAD(evlinks, evlink);

/* Takes over `fd`; without memory it is closed. */
void evlink_open(struct evserver *, evutil_socket_t fd) NONNULL;
/*
 * The answer to a request that waits has come: the request is asked for once
 * more.
 */
void evlink_go_on(struct evlink *) NONNULL;
/* End the connection that has rested longest, if there is one. */
void evlink_drop_oldest(struct evserver *) NONNULL;
void evlink_close_all(struct evserver *) NONNULL;

#endif
