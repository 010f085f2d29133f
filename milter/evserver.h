/*
 * evserver.h - a listening socket in an event loop of its own thread: what the
 * socketmap and the facts feed have in common.
 *
 * A connection is an MTA process, and those are thousands; what they ask is
 * answered from memory, so one thread is enough.  At most a quarter of the
 * process' descriptors is for a service, so that half of them are left to the
 * milter's sessions beside two; and none of those that accept.h spares.
 *
 * When the descriptors are used up the connection that has rested longest makes
 * room.
 *
 * Threads: the main thread opens, starts and stops it.
 */
#ifndef TLSPOLICY_MILTER_EVSERVER_H
#define TLSPOLICY_MILTER_EVSERVER_H

#include <event2/listener.h>
#include <pthread.h>

#include "milter/accept.h"
#include "milter/evlink.h"
#include "milter/log.h"

struct evserver {
	struct event_base *base;
	const struct evlink_kind *kind;
	struct metrics *metrics;
	void *arg; /* for the kind */
	struct evlinks links; /* that which has rested longest is first */
	unsigned nlinks, max;
	struct evconnlistener *listener;
	struct event *end, *again;
	int end_fd;
	struct accept_trouble trouble;
	struct log_seldom ended; /* connections, by us */
	pthread_t thread;
};

/* `where` begins its messages: "socketmap: ".  False: out of memory. */
bool evserver_open(struct evserver *, const char *where,
    const struct evlink_kind *, struct metrics *, void *arg) MUST_CHECK;
/*
 * Serve on `fd`, which it takes over.  0, or errno: then it is to be freed.
 */
int evserver_start(struct evserver *, int fd) MUST_CHECK NONNULL;
/*
 * The loop has ended and all may be freed.  False: its thread waits for memory,
 * and everything has to stay until the process ends under it.
 */
bool evserver_stop(struct evserver *) MUST_CHECK NONNULL;
/* Of one that was opened and does not run; its connections are gone. */
void evserver_free(struct evserver *) NONNULL;

#endif
