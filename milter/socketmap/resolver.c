/*
 * A question is in the list of those that wait, or has a link; a link without a
 * question rests.  A timer of the question ends both, whatever the peer does.
 */
#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "milter/endpoint.h"
#include "milter/log.h"
#include "milter/socketmap/netstring.h"
#include "milter/socketmap/resolver.h"

struct link {
	TAILQ_ENTRY(link) entry;
	struct resolver *resolver;
	struct bufferevent *buffers;
	struct resolver_question *question; /* NULL: it rests */
	bool used;			    /* it has answered one */
};

struct resolver_question {
	TAILQ_ENTRY(resolver_question) entry; /* of those that wait */
	struct resolver *resolver;
	struct link *link;		      /* NULL: it waits */
	struct event *timer;
	resolver_done *done;
	void *arg;
	const char *why;		      /* for the timer */
	bool again;			      /* it was asked before */
	size_t n;
	char request[];
};

struct resolver {
	struct daemon *daemon;
	struct event_base *base;
	union {
		struct sockaddr any;
		struct sockaddr_un path;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} address;
	socklen_t length;
	const char *name; /* of the map, within `setting` */
	char setting[SETTINGS_STRING_MAX];
	bool trouble;	  /* the last question failed */
	unsigned nlinks;
	TAILQ_HEAD(, link) links;
	TAILQ_HEAD(, resolver_question) waiting;
};

static const char closed[] = "it closed the connection";

static void start_waiting(struct resolver *);

static void
link_free(struct link *l)
{
	TAILQ_REMOVE(&l->resolver->links, l, entry);
	l->resolver->nlinks--;
	bufferevent_free(l->buffers); /* closes the socket */
	free(l);
}

static void
question_free(struct resolver_question *q)
{
	if (q->link != NULL)
		q->link->question = NULL;
	else
		TAILQ_REMOVE(&q->resolver->waiting, q, entry);
	if (q->timer != NULL)
		event_free(q->timer);
	free(q);
}

static void
log_change(struct resolver *r, const char *why)
{
	if (why != NULL)
		metrics_count(&r->daemon->metrics, COUNTER_RESOLVER_FAILURES);
	if (why != NULL && !r->trouble)
		log_warnx("socketmap: the resolver %s gave no answer: %s",
		    r->setting, why);
	else if (why == NULL && r->trouble)
		log_info("socketmap: the resolver %s answers again",
		    r->setting);
	r->trouble = why != NULL;
}

/* q->done() may call resolver_ask(), so the question is freed before it. */
static void
finish(struct resolver_question *q, struct slice reply, const char *why)
{
	struct resolver *r = q->resolver;
	resolver_done *done = q->done;
	void *arg = q->arg;

	log_change(r, why);
	question_free(q);
	done(arg, reply, why);
}

static void
fail(struct resolver_question *q, const char *why)
{
	struct resolver *r = q->resolver;
	struct link *l = q->link;

	q->link = NULL;
	if (l != NULL) {
		link_free(l);
		TAILQ_INSERT_HEAD(&r->waiting, q, entry);
	}
	finish(q, slice_make(NULL, 0), why);
	if (l != NULL)
		start_waiting(r);
}

static void
on_time(evutil_socket_t fd, short what, void *arg)
{
	struct resolver_question *q = arg;

	(void)fd;
	(void)what;
	fail(q, q->why);
}

/* resolver_ask() never calls done() itself: a timer of 0 s does, after it. */
static void
fail_later(struct resolver_question *q, const char *why)
{
	const struct timeval now = { 0, 0 };

	q->why = why;
	event_add(q->timer, &now);
}

/* NULL, or what is wrong with the reply; !*whole: more bytes have to come. */
static const char *
read_reply(struct link *l, struct text *reply, bool *whole)
{
	struct slice content;
	struct evbuffer *in = bufferevent_get_input(l->buffers);
	size_t n = evbuffer_get_length(in), used;
	const char *bytes = n == 0 ? "" : (char *)evbuffer_pullup(in, -1);

	*whole = false;
	if (bytes == NULL)
		return "out of memory";
	switch (netstring_read(slice_make(bytes, n), &content, &used)) {
	case NETSTRING_PARTIAL:
		return NULL;
	case NETSTRING_WHOLE:
		*whole = true;
		text_put(reply, content);
		evbuffer_drain(in, used);
		return used == n ? NULL : "it said more than it was asked";
	case NETSTRING_BAD:
		break;
	}
	return "it does not speak the socketmap protocol, or too long";
}

static void
on_bytes(struct bufferevent *buffers, void *arg)
{
	struct link *l = arg;
	struct resolver *r = l->resolver;
	char buf[NETSTRING_MAX + 1];
	struct text reply;
	const char *why;
	bool whole;

	(void)buffers;
	text_init(&reply, buf, sizeof buf);
	if (l->question == NULL) {
		link_free(l); /* nothing was asked */
		return;
	}
	why = read_reply(l, &reply, &whole);
	if (why != NULL) {
		fail(l->question, why);
		return;
	}
	if (!whole)
		return;
	l->used = true;
	finish(l->question, slice_make(buf, reply.n), NULL);
	start_waiting(r);
}

/*
 * The resolver closed an idle connection, as when it restarts: asks once more.
 */
static void
ask_again(struct link *l)
{
	struct resolver_question *q = l->question;

	q->again = true;
	q->link = NULL;
	TAILQ_INSERT_HEAD(&q->resolver->waiting, q, entry);
	link_free(l);
	start_waiting(q->resolver);
}

static void
on_event(struct bufferevent *buffers, short what, void *arg)
{
	struct link *l = arg;

	if ((what & BEV_EVENT_CONNECTED) != 0)
		return;
	if (l->question == NULL)
		link_free(l);
	else if (l->used && !l->question->again &&
	    evbuffer_get_length(bufferevent_get_input(buffers)) == 0)
		ask_again(l);
	else
		fail(l->question, (what & BEV_EVENT_ERROR) != 0 ?
		    "there is no connection to it" : closed);
}

static struct link *
link_open(struct resolver *r)
{
	struct link *l = calloc(1, sizeof *l);

	if (l == NULL)
		return NULL;
	l->buffers = bufferevent_socket_new(r->base, -1,
	    BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
	if (l->buffers == NULL) {
		free(l);
		return NULL;
	}
	l->resolver = r;
	TAILQ_INSERT_TAIL(&r->links, l, entry);
	r->nlinks++;
	bufferevent_setcb(l->buffers, on_bytes, NULL, on_event, l);
	bufferevent_setwatermark(l->buffers, EV_READ, 0,
	    2 * NETSTRING_FRAME_MAX);
	if (bufferevent_enable(l->buffers, EV_READ | EV_WRITE) == 0 &&
	    bufferevent_socket_connect(l->buffers, &r->address.any,
	    (int)r->length) == 0)
		return l;
	link_free(l);
	return NULL;
}

static struct link *
free_link(struct resolver *r)
{
	struct link *l;

	TAILQ_FOREACH(l, &r->links, entry)
		if (l->question == NULL)
			return l;
	return r->nlinks < RESOLVER_LINKS_MAX ? link_open(r) : NULL;
}

/* Sends the waiting questions, as many as there are free connections. */
static void
start_waiting(struct resolver *r)
{
	struct resolver_question *q, *next;
	bool broken = false;

	for (q = TAILQ_FIRST(&r->waiting); q != NULL; q = next) {
		struct link *l = broken ? NULL : free_link(r);

		next = TAILQ_NEXT(q, entry);
		if (l == NULL && r->nlinks == RESOLVER_LINKS_MAX)
			return;
		broken = l == NULL;
		if (broken) {
			fail_later(q, "there is no connection to it");
			continue;
		}
		TAILQ_REMOVE(&r->waiting, q, entry);
		l->question = q;
		q->link = l;
		if (bufferevent_write(l->buffers, q->request, q->n) == -1)
			fail_later(q, "out of memory");
	}
}

struct resolver_question *
resolver_ask(struct resolver *r, struct slice key, resolver_done *done,
    void *arg)
{
	const struct timeval time = { RESOLVER_S, 0 };
	size_t content = strlen(r->name) + 1 + key.n, room = content + 16;
	struct resolver_question *q = calloc(1, sizeof *q + room);

	if (q == NULL)
		return NULL;
	q->n = (size_t)snprintf(q->request, room, "%zu:%s %.*s,", content,
	    r->name, SLICE_ARG(key));
	q->resolver = r;
	q->done = done;
	q->arg = arg;
	q->why = "it did not answer in time";
	TAILQ_INSERT_TAIL(&r->waiting, q, entry);
	q->timer = event_new(r->base, -1, 0, on_time, q);
	if (q->timer == NULL) {
		question_free(q);
		return NULL;
	}
	event_add(q->timer, &time);
	start_waiting(r);
	return q;
}

/*
 * Closes the question's connection, too: its answer would be taken for the next
 * one's.
 */
void
resolver_cancel(struct resolver_question *q)
{
	struct link *l = q->link;

	question_free(q);
	if (l != NULL)
		link_free(l);
}

static bool
set_address(struct resolver *r, char *address, struct fault *f)
{
	struct endpoint e;
	struct text path;

	if (slice_starts_nocase(slice_of(address), "unix:")) {
		r->address.path.sun_family = AF_UNIX;
		text_init(&path, r->address.path.sun_path,
		    sizeof r->address.path.sun_path);
		text_puts(&path, address + 5);
		r->length = sizeof r->address.path;
		return true;
	}
	if (!endpoint_parse(address, "outbound-resolver", &e, f))
		return false;
	if (e.ipv6) {
		r->address.in6.sin6_family = AF_INET6;
		r->address.in6.sin6_port = htons(e.port);
		r->length = sizeof r->address.in6;
		return inet_pton(AF_INET6, e.address,
		    &r->address.in6.sin6_addr) == 1;
	}
	r->address.in.sin_family = AF_INET;
	r->address.in.sin_port = htons(e.port);
	r->length = sizeof r->address.in;
	return inet_pton(AF_INET, e.address, &r->address.in.sin_addr) == 1;
}

struct resolver *
resolver_new(struct daemon *d, struct event_base *base, const char *setting,
    struct fault *f)
{
	struct resolver *r = calloc(1, sizeof *r);
	char address[SETTINGS_STRING_MAX];
	size_t blank;

	if (r == NULL) {
		fault_no_memory(f);
		return NULL;
	}
	r->daemon = d;
	r->base = base;
	TAILQ_INIT(&r->links);
	TAILQ_INIT(&r->waiting);
	snprintf(r->setting, sizeof r->setting, "%s", setting);
	blank = slice_find(slice_of(setting), ' ');
	snprintf(address, sizeof address, "%.*s", (int)blank, setting);
	r->name = r->setting + blank + 1;
	if (set_address(r, address, f))
		return r;
	free(r);
	return NULL;
}

void
resolver_free(struct resolver *r)
{
	struct link *l;

	if (r == NULL)
		return;
	while ((l = TAILQ_FIRST(&r->links)) != NULL)
		link_free(l);
	free(r);
}
