/*
 * Each request enters the drain, like a callback: when the daemon stops nothing
 * of it is touched any more.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>

#include "milter/metrics/link.h"
#include "milter/metrics/page.h"
#include "milter/evmemory.h"
#include "milter/metrics/server.h"
#include "milter/signals.h"

enum { HEADERS_MAX = 8192, BODY_MAX = 0, TIMEOUT_S = 10 };

struct metrics_server {
	struct daemon *daemon;
	struct event_base *base;
	struct evhttp *http;
	struct metrics_links links;
	char page[METRICS_PAGE_MAX]; /* of the server's thread */
};

static void
send_text(struct evhttp_request *request, int code, const char *reason,
    const char *type, const struct text *text)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
	struct evbuffer *body = evbuffer_new();

	if (body == NULL ||
	    evbuffer_add(body, text->buf, text->n) == -1 ||
	    evhttp_add_header(headers, "Content-Type", type) == -1 ||
	    evhttp_add_header(headers, "Cache-Control", "no-store") == -1)
		evhttp_send_error(request, HTTP_INTERNAL, NULL);
	else
		evhttp_send_reply(request, code, reason, body);
	if (body != NULL)
		evbuffer_free(body);
}

static void
answer_metrics(struct evhttp_request *request, void *arg)
{
	struct metrics_server *s = arg;
	struct text page;

	if (!drain_enter(&s->daemon->drain)) {
		evhttp_send_error(request, HTTP_SERVUNAVAIL, NULL);
		return;
	}
	text_init(&page, s->page, sizeof s->page);
	metrics_page(s->daemon, &page);
	drain_leave(&s->daemon->drain);
	send_text(request, HTTP_OK, "OK", "text/plain; version=0.0.4", &page);
}

static void
answer_health(struct evhttp_request *request, void *arg)
{
	struct metrics_server *s = arg;
	struct text why;
	bool well;

	if (!drain_enter(&s->daemon->drain)) {
		evhttp_send_error(request, HTTP_SERVUNAVAIL, NULL);
		return;
	}
	text_init(&why, s->page, sizeof s->page);
	well = metrics_page_health(s->daemon, &why);
	drain_leave(&s->daemon->drain);
	send_text(request, well ? HTTP_OK : HTTP_SERVUNAVAIL,
	    well ? "OK" : "Service Unavailable", "text/plain", &why);
}

/*
 * poll(2), not epoll(7), which may fail to watch a connection: evhttp closes
 * that twice, and the second time it may be another thread's.  Connections are
 * few.
 */
static struct event_base *
new_base(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base = NULL;

	if (config == NULL)
		return NULL;
	if (event_config_avoid_method(config, "epoll") == 0)
		base = event_base_new_with_config(config);
	event_config_free(config);
	return base;
}

static bool
set_up(struct metrics_server *s)
{
	s->base = new_base();
	if (s->base == NULL)
		return false;
	s->http = evhttp_new(s->base);
	if (s->http == NULL)
		return false;
	evhttp_set_allowed_methods(s->http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD);
	evhttp_set_max_headers_size(s->http, HEADERS_MAX);
	evhttp_set_max_body_size(s->http, BODY_MAX);
	evhttp_set_timeout(s->http, TIMEOUT_S);
	return evhttp_set_cb(s->http, "/metrics", answer_metrics, s) == 0 &&
	    evhttp_set_cb(s->http, "/healthz", answer_health, s) == 0;
}

static void
discard(struct metrics_server *s)
{
	if (s->http != NULL)
		evhttp_free(s->http);
	if (s->base != NULL)
		event_base_free(s->base);
	free(s);
}

struct metrics_server *
metrics_server_listen(struct daemon *d, const struct endpoint *e,
    struct fault *f)
{
	struct metrics_server *s = calloc(1, sizeof *s);
	struct evhttp_bound_socket *bound;

	if (s == NULL || !set_up(s)) {
		fault_no_memory(f);
	} else if ((bound = evhttp_bind_socket_with_handle(s->http, e->address,
	    e->port)) == NULL) {
		fault_set(f, FAULT_UNAVAILABLE, "cannot listen on %s port %u",
		    e->address, (unsigned)e->port);
		fault_at_setting(f, "metrics");
	} else if (!metrics_link_init(&s->links, s->base, s->http, bound)) {
		fault_no_memory(f);
	} else {
		s->daemon = d;
		return s;
	}
	if (s != NULL)
		discard(s);
	return NULL;
}

static void *
serve(void *arg)
{
	const struct timespec pause = { 0, 100000000 };
	struct metrics_server *s = arg;

	signals_block();
	evmemory_wait();
	/* A loop whose poll(2) finds no memory is run again. */
	while (event_base_dispatch(s->base) == -1)
		nanosleep(&pause, NULL);
	return NULL;
}

bool
metrics_server_start(struct metrics_server *s, struct fault *f)
{
	pthread_t thread;
	int error;

	error = pthread_create(&thread, NULL, serve, s);
	if (error != 0)
		return fault_errno(f, FAULT_UNAVAILABLE, error,
		    "cannot start the thread of the metrics");
	pthread_detach(thread);
	return true;
}
