/*
 * A connection is known here from its bufferevent on, before it has a socket.
 * One that has ended reads on until it is looked at, hence the watermark; the
 * headers that evhttp takes are far below it.
 */
#include <sys/socket.h>

#include <errno.h>
#include <stdlib.h>

#include <event2/bufferevent.h>

#include "milter/metrics/link.h"

enum { LOOK_US = 250000, LOOK_CROWDED_US = 5000, INPUT_MAX = 64 * 1024 };

/* evconnlistener's error callback gets evhttp's argument, not one of ours. */
static struct metrics_links *served;

struct metrics_link {
	TAILQ_ENTRY(metrics_link) entry;
	struct bufferevent *socket;
};

/* Has evhttp freed the connection?  It clears the event callback then. */
static bool
has_ended(const struct metrics_link *l)
{
	bufferevent_event_cb callback;

	bufferevent_getcb(l->socket, NULL, NULL, &callback, NULL);
	return callback == NULL;
}

static void
look_soon(struct metrics_links *all)
{
	const struct timeval soon = { 0, all->n < METRICS_LINKS_MAX ? LOOK_US :
	    LOOK_CROWDED_US };

	event_add(all->look, &soon);
}

static void
on_look(evutil_socket_t fd, short what, void *arg)
{
	struct metrics_links *all = arg;
	struct metrics_link *l, *next;

	(void)fd;
	(void)what;
	for (l = TAILQ_FIRST(&all->links); l != NULL; l = next) {
		next = TAILQ_NEXT(l, entry);
		if (!has_ended(l))
			continue;
		TAILQ_REMOVE(&all->links, l, entry);
		all->n--;
		bufferevent_decref(l->socket); /* closes it */
		free(l);
	}
	if (all->n < METRICS_LINKS_MAX)
		evconnlistener_enable(all->listener);
	if (all->n > 0)
		look_soon(all);
}

/* Shut down and not freed: evhttp reads the end and frees it by itself. */
static void
make_room(struct metrics_links *all)
{
	struct metrics_link *oldest = TAILQ_FIRST(&all->links);

	evconnlistener_disable(all->listener);
	shutdown(bufferevent_getfd(oldest->socket), SHUT_RDWR);
}

/* NULL: evhttp makes one of its own, which nobody counts. */
static struct bufferevent *
on_connect(struct event_base *base, void *arg)
{
	struct metrics_links *all = arg;
	struct metrics_link *l = calloc(1, sizeof *l);

	accept_succeeded(&all->trouble);
	if (l == NULL)
		return NULL;
	l->socket = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
	if (l->socket == NULL) {
		free(l);
		return NULL;
	}
	bufferevent_setwatermark(l->socket, EV_READ, 0, INPUT_MAX);
	bufferevent_incref(l->socket);
	TAILQ_INSERT_TAIL(&all->links, l, entry);
	if (++all->n >= METRICS_LINKS_MAX)
		make_room(all);
	look_soon(all);
	return l->socket;
}

/* The connection waits in the queue: the loop would be told of it at once. */
static void
on_accept_error(struct evconnlistener *listener, void *http)
{
	const struct timeval pause = { 0, ACCEPT_PAUSE_MS * 1000 };

	(void)http;
	accept_failed(&served->trouble, errno);
	evconnlistener_disable(listener);
	event_add(served->again, &pause);
}

static void
on_again(evutil_socket_t fd, short what, void *arg)
{
	struct metrics_links *all = arg;

	(void)fd;
	(void)what;
	if (all->n < METRICS_LINKS_MAX)
		evconnlistener_enable(all->listener);
}

static void
free_events(struct metrics_links *all)
{
	if (all->again != NULL)
		event_free(all->again);
	if (all->look != NULL)
		event_free(all->look);
}

bool
metrics_link_init(struct metrics_links *all, struct event_base *base,
    struct evhttp *http, struct evhttp_bound_socket *bound)
{
	TAILQ_INIT(&all->links);
	all->n = 0;
	all->listener = evhttp_bound_socket_get_listener(bound);
	all->trouble = (struct accept_trouble){ .where = "metrics: " };
	all->again = event_new(base, -1, 0, on_again, all);
	all->look = event_new(base, -1, 0, on_look, all);
	if (all->again == NULL || all->look == NULL) {
		free_events(all);
		return false;
	}
	served = all;
	evhttp_set_bevcb(http, on_connect, all);
	evconnlistener_set_error_cb(all->listener, on_accept_error);
	return true;
}
