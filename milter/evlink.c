/*
 * One timer for a connection, set when its state changes and not when bytes
 * arrive: whoever sends a byte a second does not gain time by it.
 */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <stdlib.h>

#include "milter/evserver.h"
#include "milter/log.h"

enum {
	REST_S = 3600, /* between requests */
	WORK_S = 10    /* for a whole request, for reading answers */
};

/* epoll_ctl(2) failed: nobody would tell when there is something to read. */
static const char unwatched[] = "the system cannot watch it";

static void
link_free(struct evlink *l)
{
	struct evserver *s = l->server;

	TAILQ_REMOVE(&s->links, l, entry);
	s->nlinks--;
	if (s->kind->closed != NULL)
		s->kind->closed(l);
	if (l->timer != NULL)
		event_free(l->timer);
	bufferevent_free(l->buffers); /* closes the socket */
	free(l);
}

static void
drop(struct evlink *l, const char *why)
{
	struct evserver *s = l->server;

	log_seldom(&s->ended, LOG_LEVEL_INFO, "%sconnection ended: %s",
	    s->trouble.where, why);
	metrics_count(s->metrics, s->kind->dropped);
	link_free(l);
}

static void
on_time(evutil_socket_t fd, short what, void *arg)
{
	struct evlink *l = arg;

	(void)fd;
	(void)what;
	if (l->state == EVLINK_WORKS)
		drop(l, "the peer neither completed a request nor read an "
		    "answer in time");
	else
		drop(l, "no request for an hour");
}

/* EVLINK_IS_WAITING has no timer: whom it waits for keeps one. */
static void
set_timer(struct evlink *l, enum evlink_state state)
{
	const struct timeval time = { state == EVLINK_WORKS ? WORK_S : REST_S,
		0 };

	l->state = state;
	if (state == EVLINK_IS_WAITING)
		event_del(l->timer);
	else
		event_add(l->timer, &time);
}

/* Answers each whole request; NULL, or why the connection is closed. */
static const char *
work(struct evlink *l, unsigned *answered)
{
	const struct evlink_kind *kind = l->server->kind;
	struct evbuffer *in = bufferevent_get_input(l->buffers);
	struct evbuffer *out = bufferevent_get_output(l->buffers);
	const char *why = NULL;

	while (evbuffer_get_length(in) > 0 && !l->waits &&
	    evbuffer_get_length(out) < kind->output_max) {
		size_t n = evbuffer_get_length(in), used;
		struct slice bytes;

		if (n > kind->request_max)
			n = kind->request_max;
		bytes = slice_make((const char *)evbuffer_pullup(in,
		    (ev_ssize_t)n), n);
		if (bytes.p == NULL)
			return "out of memory";
		switch (kind->answer(l, bytes, out, &used, &why)) {
		case EVLINK_ANSWERED:
			evbuffer_drain(in, used);
			++*answered;
			break;
		case EVLINK_PARTIAL:
			return NULL;
		case EVLINK_WAITS:
			l->waits = true;
			break;
		case EVLINK_BAD:
			return why;
		}
	}
	return NULL;
}

static void
proceed(struct evlink *l)
{
	struct evserver *s = l->server;
	unsigned answered = 0;
	const char *why = work(l, &answered);
	size_t unread = evbuffer_get_length(bufferevent_get_output(l->buffers));
	enum evlink_state state = l->waits ? EVLINK_IS_WAITING : unread > 0 ||
	    evbuffer_get_length(bufferevent_get_input(l->buffers)) > 0 ?
	    EVLINK_WORKS : EVLINK_RESTS;

	if (why != NULL) {
		drop(l, why);
		return;
	}
	if (unread >= s->kind->output_max) {
		bufferevent_disable(l->buffers, EV_READ);
	} else if (bufferevent_enable(l->buffers, EV_READ) == -1) {
		drop(l, unwatched);
		return;
	}
	if (answered > 0) {
		TAILQ_REMOVE(&s->links, l, entry);
		TAILQ_INSERT_TAIL(&s->links, l, entry);
	}
	if (answered > 0 || state != l->state)
		set_timer(l, state);
}

void
evlink_go_on(struct evlink *l)
{
	l->waits = false;
	proceed(l);
}

static void
on_bytes(struct bufferevent *buffers, void *arg)
{
	(void)buffers;
	proceed(arg);
}

static void
on_end(struct bufferevent *buffers, short what, void *arg)
{
	(void)buffers;
	(void)what;
	link_free(arg);
}

void
evlink_open(struct evserver *s, evutil_socket_t fd)
{
	struct evlink *l = calloc(1, s->kind->size);

	if (l == NULL || (l->buffers = bufferevent_socket_new(s->base, fd,
	    BEV_OPT_CLOSE_ON_FREE)) == NULL) {
		free(l);
		evutil_closesocket(fd);
		metrics_count(s->metrics, COUNTER_NO_MEMORY);
		return;
	}
	l->server = s;
	TAILQ_INSERT_TAIL(&s->links, l, entry);
	s->nlinks++;
	metrics_count(s->metrics, s->kind->opened);
	l->timer = event_new(s->base, -1, 0, on_time, l);
	if (l->timer == NULL) {
		drop(l, "out of memory");
		return;
	}
	bufferevent_setcb(l->buffers, on_bytes, on_bytes, on_end, l);
	bufferevent_setwatermark(l->buffers, EV_READ, 0, s->kind->input_max);
	if (bufferevent_enable(l->buffers, EV_READ | EV_WRITE) == -1) {
		drop(l, unwatched);
		return;
	}
	/* A client that has just connected has to ask within the limit. */
	set_timer(l, EVLINK_WORKS);
}

void
evlink_drop_oldest(struct evserver *s)
{
	struct evlink *oldest = TAILQ_FIRST(&s->links);

	if (oldest != NULL)
		drop(oldest, "there are too many, and this one has rested "
		    "longest");
}

void
evlink_close_all(struct evserver *s)
{
	struct evlink *l;

	while ((l = TAILQ_FIRST(&s->links)) != NULL)
		link_free(l);
}
