/*
 * link.h - connections to the metrics, counted and bounded.
 *
 * evhttp takes any number, and tells nobody when one has ended whose request
 * was never whole.  So each one's bufferevent has two owners, and now and then
 * it is looked at whether evhttp has let go of it; only then is its socket
 * closed.  When there are too many the oldest is shut down, and no other
 * accepted until one has gone.
 *
 * Threads: that of the server alone.
 */
#ifndef TLSPOLICY_MILTER_METRICS_LINK_H
#define TLSPOLICY_MILTER_METRICS_LINK_H

#include <sys/queue.h>

#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>

#include "milter/accept.h"

enum { METRICS_LINKS_MAX = 64 };

struct metrics_links {
	TAILQ_HEAD(, metrics_link) links; /* oldest first */
	unsigned n;
	struct evconnlistener *listener;
	struct event *look; /* while there are any */
	struct event *again; /* after a failure to accept */
	struct accept_trouble trouble;
};

/*
 * Of the one server that a process has.  False: out of memory.  `links` lives
 * as long as the server.
 */
bool metrics_link_init(struct metrics_links *links, struct event_base *,
    struct evhttp *, struct evhttp_bound_socket *);

#endif
