/*
 * One timer for a connection, set when its state changes and not when bytes
 * arrive: whoever sends a byte a second does not gain time by it.
 */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <stdlib.h>

#include "milter/clock.h"
#include "milter/feed/feedlink.h"
#include "milter/log.h"

enum {
	REST_S = 3600,	 /* between requests */
	WORK_S = 10,	 /* for a whole request, for reading the answer */
	OUTPUT_MAX = 4096
};

static const char dunno[] = "action=DUNNO\n\n";

struct feedlink {
	TAILQ_ENTRY(feedlink) entry;
	struct feedlink_owner *owner;
	struct bufferevent *buffers;
	struct event *timer;
	bool works; /* what the timer is set for */
};

static void
link_free(struct feedlink *l)
{
	TAILQ_REMOVE(&l->owner->links, l, entry);
	l->owner->n--;
	if (l->timer != NULL)
		event_free(l->timer);
	bufferevent_free(l->buffers); /* closes the socket */
	free(l);
}

static void
drop(struct feedlink *l, const char *why)
{
	log_info("facts feed: connection ended: %s", why);
	metrics_count(l->owner->metrics, COUNTER_FEED_DROPPED);
	link_free(l);
}

static void
on_time(evutil_socket_t fd, short what, void *arg)
{
	struct feedlink *l = arg;

	(void)fd;
	(void)what;
	drop(l, l->works ? "the peer neither completed a request nor read an "
	    "answer in time" : "no request for an hour");
}

static void
set_timer(struct feedlink *l, bool works)
{
	const struct timeval time = { works ? WORK_S : REST_S, 0 };

	l->works = works;
	event_add(l->timer, &time);
}

/* Take what has come whole; NULL, or why this cannot go on. */
static const char *
work(struct feedlink *l, unsigned *taken)
{
	struct evbuffer *in = bufferevent_get_input(l->buffers);
	struct evbuffer *out = bufferevent_get_output(l->buffers);

	while (evbuffer_get_length(in) > 0 &&
	    evbuffer_get_length(out) < OUTPUT_MAX) {
		size_t n = evbuffer_get_length(in), used;
		struct feedrequest request;
		struct slice bytes;

		if (n > FEEDREQUEST_MAX)
			n = FEEDREQUEST_MAX;
		bytes = slice_make((const char *)evbuffer_pullup(in,
		    (ev_ssize_t)n), n);
		if (bytes.p == NULL)
			return "out of memory";
		switch (feedrequest_read(bytes, &request, &used)) {
		case FEEDREQUEST_PARTIAL:
			return NULL;
		case FEEDREQUEST_BAD:
			return "the peer does not speak Postfix's policy "
			    "delegation";
		case FEEDREQUEST_WHOLE:
			break;
		}
		if (feedtable_put(l->owner->table, &request, clock_ms()))
			metrics_count(l->owner->metrics, COUNTER_FEED_TOLD);
		evbuffer_drain(in, used);
		if (evbuffer_add(out, dunno, sizeof dunno - 1) == -1)
			return "out of memory";
		++*taken;
	}
	return NULL;
}

static void
go_on(struct feedlink *l)
{
	unsigned taken = 0;
	const char *why = work(l, &taken);
	size_t unread = evbuffer_get_length(bufferevent_get_output(l->buffers));
	bool works = unread > 0 ||
	    evbuffer_get_length(bufferevent_get_input(l->buffers)) > 0;

	if (why != NULL) {
		drop(l, why);
		return;
	}
	if (unread >= OUTPUT_MAX) {
		bufferevent_disable(l->buffers, EV_READ);
	} else if (bufferevent_enable(l->buffers, EV_READ) == -1) {
		drop(l, "the system cannot watch it");
		return;
	}
	if (taken > 0) {
		TAILQ_REMOVE(&l->owner->links, l, entry);
		TAILQ_INSERT_TAIL(&l->owner->links, l, entry);
	}
	if (taken > 0 || works != l->works)
		set_timer(l, works);
}

static void
on_bytes(struct bufferevent *buffers, void *arg)
{
	(void)buffers;
	go_on(arg);
}

static void
on_end(struct bufferevent *buffers, short what, void *arg)
{
	(void)buffers;
	(void)what;
	link_free(arg);
}

void
feedlink_open(struct feedlink_owner *owner, evutil_socket_t fd)
{
	struct feedlink *l = calloc(1, sizeof *l);

	if (l == NULL || (l->buffers = bufferevent_socket_new(owner->base, fd,
	    BEV_OPT_CLOSE_ON_FREE)) == NULL) {
		free(l);
		evutil_closesocket(fd);
		metrics_count(owner->metrics, COUNTER_NO_MEMORY);
		return;
	}
	l->owner = owner;
	TAILQ_INSERT_TAIL(&owner->links, l, entry);
	owner->n++;
	metrics_count(owner->metrics, COUNTER_FEED_LINKS);
	l->timer = event_new(owner->base, -1, 0, on_time, l);
	if (l->timer == NULL) {
		drop(l, "out of memory");
		return;
	}
	bufferevent_setcb(l->buffers, on_bytes, on_bytes, on_end, l);
	bufferevent_setwatermark(l->buffers, EV_READ, 0, FEEDREQUEST_MAX);
	if (bufferevent_enable(l->buffers, EV_READ | EV_WRITE) == -1) {
		drop(l, "the system cannot watch it");
		return;
	}
	/* Who has just connected has to ask within the limit. */
	set_timer(l, true);
}

void
feedlink_drop_oldest(struct feedlink_owner *owner)
{
	struct feedlink *oldest = TAILQ_FIRST(&owner->links);

	if (oldest != NULL)
		drop(oldest, "there are too many, and this one has rested "
		    "longest");
}

void
feedlink_close_all(struct feedlink_owner *owner)
{
	struct feedlink *l;

	while ((l = TAILQ_FIRST(&owner->links)) != NULL)
		link_free(l);
}
