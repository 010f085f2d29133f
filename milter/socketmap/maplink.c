/*
 * One timer for a connection, set when its state changes and not when bytes
 * arrive: whoever sends a byte a second does not gain time by it.
 */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <stdlib.h>

#include "milter/log.h"
#include "milter/socketmap/mapanswer.h"
#include "milter/socketmap/maplink.h"
#include "milter/socketmap/netstring.h"

enum {
	REST_S = 3600,		 /* between requests */
	WORK_S = 10,		 /* for a whole request, for reading answers */
	INPUT_MAX = 16 * 1024,	 /* at least one request */
	OUTPUT_MAX = 64 * 1024
};

static void on_resolved(void *, struct slice, const char *);

/* epoll_ctl(2) failed: nobody would tell when there is something to read. */
static const char unwatched[] = "the system cannot watch it";

enum link_state { RESTS, WORKS, WAITS };

struct maplink {
	TAILQ_ENTRY(maplink) entry;
	struct maplink_owner *owner;
	struct bufferevent *buffers;
	struct event *timer;
	struct resolver_question *question; /* the first request waits for it */
	const struct resolved *resolved;    /* has come for the first request */
	enum link_state state;		    /* what the timer is set for */
};

static void
link_free(struct maplink *l)
{
	TAILQ_REMOVE(&l->owner->links, l, entry);
	l->owner->n--;
	if (l->question != NULL)
		resolver_cancel(l->question);
	if (l->timer != NULL)
		event_free(l->timer);
	bufferevent_free(l->buffers); /* closes the socket */
	free(l);
}

static void
drop(struct maplink *l, const char *why)
{
	log_info("socketmap: connection ended: %s", why);
	metrics_count(&l->owner->daemon->metrics, COUNTER_MAP_DROPPED);
	link_free(l);
}

static void
on_time(evutil_socket_t fd, short what, void *arg)
{
	struct maplink *l = arg;

	(void)fd;
	(void)what;
	if (l->state == WORKS)
		drop(l, "the peer neither completed a request nor read an "
		    "answer in time");
	else
		drop(l, "no request for an hour");
}

/* While a resolver is asked its own time counts. */
static void
set_timer(struct maplink *l, enum link_state state)
{
	const struct timeval time = { state == WORKS ? WORK_S : REST_S, 0 };

	l->state = state;
	if (state == WAITS)
		event_del(l->timer);
	else
		event_add(l->timer, &time);
}

/* False: out of memory, or the daemon stops. */
static bool
send_answer(struct maplink *l, struct slice request,
    const struct resolved *resolved)
{
	struct evbuffer *out = bufferevent_get_output(l->buffers);
	char buf[MAPANSWER_MAX];
	struct text answer;

	text_init(&answer, buf, sizeof buf);
	mapanswer(l->owner->daemon, request, resolved, &answer);
	return answer.n > 0 && !answer.cut &&
	    evbuffer_add_printf(out, "%zu:%s,", answer.n, buf) > 0;
}

/* It was found that nobody can be asked. */
static bool
cannot_resolve(struct maplink *l, struct slice request, const char *why)
{
	struct resolved resolved;

	resolved_parse(slice_make(NULL, 0), &resolved);
	resolved_fail(&resolved, why);
	return send_answer(l, request, &resolved);
}

/* False: out of memory, or the daemon stops. */
static bool
take_request(struct maplink *l, struct slice request)
{
	char buf[NETSTRING_MAX + 1];
	const struct resolved *resolved = l->resolved;
	struct text key;

	l->resolved = NULL;
	text_init(&key, buf, sizeof buf);
	if (resolved != NULL || l->owner->resolver == NULL ||
	    !mapanswer_asks_resolver(request, &key))
		return send_answer(l, request, resolved);
	if (key.n == 0)
		return cannot_resolve(l, request,
		    "it cannot be asked for that name");
	l->question = resolver_ask(l->owner->resolver,
	    slice_make(buf, key.n), on_resolved, l);
	return l->question != NULL || cannot_resolve(l, request,
	    "out of memory");
}

/* Answer what has come whole; NULL, or why this cannot go on. */
static const char *
work(struct maplink *l, unsigned *answered)
{
	struct evbuffer *in = bufferevent_get_input(l->buffers);
	struct evbuffer *out = bufferevent_get_output(l->buffers);

	while (evbuffer_get_length(in) > 0 && l->question == NULL &&
	    evbuffer_get_length(out) < OUTPUT_MAX) {
		size_t n = evbuffer_get_length(in), used;
		struct slice request, bytes;

		if (n > NETSTRING_FRAME_MAX)
			n = NETSTRING_FRAME_MAX;
		bytes = slice_make((const char *)evbuffer_pullup(in,
		    (ev_ssize_t)n), n);
		if (bytes.p == NULL)
			return "out of memory";
		switch (netstring_read(bytes, &request, &used)) {
		case NETSTRING_PARTIAL:
			return NULL;
		case NETSTRING_BAD:
			return "the peer does not speak the socketmap protocol";
		case NETSTRING_WHOLE:
			break;
		}
		if (!take_request(l, request))
			return "out of memory, or the daemon stops";
		if (l->question != NULL)
			return NULL;
		evbuffer_drain(in, used);
		++*answered;
	}
	return NULL;
}

static void
go_on(struct maplink *l)
{
	unsigned answered = 0;
	const char *why = work(l, &answered);
	size_t unread = evbuffer_get_length(bufferevent_get_output(l->buffers));
	enum link_state state = l->question != NULL ? WAITS : unread > 0 ||
	    evbuffer_get_length(bufferevent_get_input(l->buffers)) > 0 ?
	    WORKS : RESTS;

	if (why != NULL) {
		drop(l, why);
		return;
	}
	if (unread >= OUTPUT_MAX) {
		bufferevent_disable(l->buffers, EV_READ);
	} else if (bufferevent_enable(l->buffers, EV_READ) == -1) {
		drop(l, unwatched);
		return;
	}
	if (answered > 0) {
		TAILQ_REMOVE(&l->owner->links, l, entry);
		TAILQ_INSERT_TAIL(&l->owner->links, l, entry);
	}
	if (answered > 0 || state != l->state)
		set_timer(l, state);
}

static void
on_resolved(void *arg, struct slice reply, const char *why)
{
	struct maplink *l = arg;
	struct resolved resolved;

	l->question = NULL;
	resolved_parse(reply, &resolved);
	if (why != NULL)
		resolved_fail(&resolved, why);
	l->resolved = &resolved;
	go_on(l);
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
maplink_open(struct maplink_owner *owner, evutil_socket_t fd)
{
	struct maplink *l = calloc(1, sizeof *l);

	if (l == NULL || (l->buffers = bufferevent_socket_new(owner->base, fd,
	    BEV_OPT_CLOSE_ON_FREE)) == NULL) {
		free(l);
		evutil_closesocket(fd);
		metrics_count(&owner->daemon->metrics, COUNTER_NO_MEMORY);
		return;
	}
	l->owner = owner;
	TAILQ_INSERT_TAIL(&owner->links, l, entry);
	owner->n++;
	metrics_count(&owner->daemon->metrics, COUNTER_MAP_LINKS);
	l->timer = event_new(owner->base, -1, 0, on_time, l);
	if (l->timer == NULL) {
		drop(l, "out of memory");
		return;
	}
	bufferevent_setcb(l->buffers, on_bytes, on_bytes, on_end, l);
	bufferevent_setwatermark(l->buffers, EV_READ, 0, INPUT_MAX);
	if (bufferevent_enable(l->buffers, EV_READ | EV_WRITE) == -1) {
		drop(l, unwatched);
		return;
	}
	/* A client that has just connected has to ask within the limit. */
	set_timer(l, WORKS);
}

bool
maplink_drop_oldest(struct maplink_owner *owner)
{
	struct maplink *oldest = TAILQ_FIRST(&owner->links);

	if (oldest == NULL)
		return false;
	drop(oldest, "there are too many, and this one has rested longest");
	return true;
}

void
maplink_close_all(struct maplink_owner *owner)
{
	struct maplink *l;

	while ((l = TAILQ_FIRST(&owner->links)) != NULL)
		link_free(l);
}
