/*
 * The socketmap, its resolver and the metrics with the n-th call of libevent and
 * of the system failing, at their start and while they serve: they start whole or
 * not at all, a peer gets the true answer or none, and the next one is served.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>

#include "milter/log.h"
#include "milter/metrics/server.h"
#include "milter/socketmap/socketmap.h"
#include "t/nth-wrap.h"
#include "t/unit.h"

static const char rules[] = "TLS_Srv:dest.test ENCR:128\n";
static const char answer[] = "23:OK encrypt ciphers=high,";

static struct daemon state_of_daemon;
static struct settings settings;
static atomic_bool no_limit, no_loop;

WRAP(void *, NULL, calloc, (size_t n, size_t size), (n, size))
WRAP(struct event_base *, NULL, event_base_new, (void), ())
WRAP(int, -1, eventfd, (unsigned n, int flags), (n, flags))
WRAP(struct event *, NULL, event_new, (struct event_base *b, evutil_socket_t fd,
    short what, event_callback_fn f, void *arg), (b, fd, what, f, arg))
WRAP(struct evconnlistener *, NULL, evconnlistener_new, (struct event_base *b,
    evconnlistener_cb f, void *arg, unsigned flags, int n, evutil_socket_t fd),
    (b, f, arg, flags, n, fd))
WRAP(int, -1, evconnlistener_enable, (struct evconnlistener *l), (l))
WRAP(struct event_config *, NULL, event_config_new, (void), ())
WRAP(int, -1, event_config_avoid_method, (struct event_config *c,
    const char *name), (c, name))
WRAP(struct evhttp *, NULL, evhttp_new, (struct event_base *b), (b))
WRAP(int, -1, evhttp_set_cb, (struct evhttp *h, const char *path,
    void (*f)(struct evhttp_request *, void *), void *arg), (h, path, f, arg))
WRAP(struct bufferevent *, NULL, bufferevent_socket_new,
    (struct event_base *b, evutil_socket_t fd, int flags), (b, fd, flags))
WRAP(int, -1, bufferevent_enable, (struct bufferevent *b, short what),
    (b, what))
WRAP(int, -1, bufferevent_write, (struct bufferevent *b, const void *p,
    size_t n), (b, p, n))
WRAP(int, -1, bufferevent_socket_connect, (struct bufferevent *b,
    const struct sockaddr *a, int n), (b, a, n))
WRAP(unsigned char *, NULL, evbuffer_pullup, (struct evbuffer *b,
    ev_ssize_t n), (b, n))
WRAP(struct evbuffer *, NULL, evbuffer_new, (void), ())
WRAP(int, -1, evbuffer_add, (struct evbuffer *b, const void *p, size_t n),
    (b, p, n))
WRAP(int, -1, evhttp_add_header, (struct evkeyvalq *h, const char *name,
    const char *value), (h, name, value))
WRAP(int, EAGAIN, pthread_create, (pthread_t *t, const pthread_attr_t *a,
    void *(*f)(void *), void *arg), (t, a, f, arg))

int __real_event_base_dispatch(struct event_base *);
int __wrap_event_base_dispatch(struct event_base *);

int
__wrap_event_base_dispatch(struct event_base *b)
{
	return atomic_exchange(&no_loop, false) || fails() ? -1 :
	    __real_event_base_dispatch(b);
}

int __real_getrlimit(int, struct rlimit *);
int __wrap_getrlimit(int, struct rlimit *);

int
__wrap_getrlimit(int what, struct rlimit *limit)
{
	return atomic_load(&no_limit) ? -1 : __real_getrlimit(what, limit);
}

static int
start(void **none)
{
	struct daemon *d = &state_of_daemon;
	struct fault f;

	(void)none;
	log_init("t", false);
	log_set_level(LOG_LEVEL_ERROR);
	settings_init(&settings);
	snprintf(settings.store, sizeof settings.store, "%s",
	    unit_build("p", rules, 1));
	snprintf(settings.audit_file, sizeof settings.audit_file, "/dev/null");
	drain_init(&d->drain);
	metrics_init(&d->metrics);
	store_holder_init(&d->store, STORE_HOLDER_LIVE);
	pool_init(&d->messages);
	fault_clear(&f);
	assert_true(settings_holder_init(&d->settings, &settings));
	assert_true(store_holder_watch(&d->store, settings.store));
	assert_non_null(d->audit = auditlog_open(&settings, &f));
	return 0;
}

static int
stop(void **none)
{
	struct daemon *d = &state_of_daemon;

	(void)none;
	store_holder_close(&d->store);
	auditlog_close(d->audit);
	settings_holder_free(&d->settings);
	return 0;
}

/* A socket that listens on a port of 127.0.0.1 that is free. */
static int
listening(uint16_t *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t n = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	inet_pton(AF_INET, "127.0.0.1", &a.sin_addr);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(listen(fd, 100), 0);
	getsockname(fd, (struct sockaddr *)&a, &n);
	*port = ntohs(a.sin_port);
	return fd;
}

enum { NETSTRING = 0 };

static bool
is_whole_netstring(const char *got, size_t have)
{
	const char *colon = memchr(got, ':', have);

	return colon != NULL && (size_t)(colon - got) + 2 +
	    strtoul(got, NULL, 10) <= have;
}

/*
 * Sends the request; returns what comes until the peer closes, until `n` bytes
 * are there, or for NETSTRING until a whole one is.
 */
static const char *
talk(uint16_t port, const char *request, size_t n)
{
	static char got[65536];
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_port = htons(port) };
	const struct timeval limit = { .tv_sec = 60 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	size_t have = 0;
	ssize_t more;

	/* The timeout only ends a test whose answer is wrong. */
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){ 60, 0 },
	    sizeof(struct timeval));
	inet_pton(AF_INET, "127.0.0.1", &a.sin_addr);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
	if (send(fd, request, strlen(request), MSG_NOSIGNAL) > 0)
		while ((n == NETSTRING ? !is_whole_netstring(got, have) :
		    have < n) && have < sizeof got - 1 && (more = recv(fd,
		    got + have, sizeof got - 1 - have, 0)) > 0)
			have += (size_t)more;
	close(fd);
	got[have] = '\0';
	return got;
}

static unsigned
open_files(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;

	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n;
}

static const char question[] = "19:tlspolicy dest.test,";
static const char alive[] = "22:access tlspolicy:alive,";

static void
test_map_start(void **state)
{
	long n;

	(void)state;
	for (n = 1; n < 40; n++) {
		struct fault f;
		uint16_t port;
		int fd = listening(&port);
		struct socketmap *m;
		unsigned files = open_files();

		fault_clear(&f);
		arm(n);
		m = socketmap_start(&state_of_daemon, fd, "off", &f);
		if (m != NULL) {
			/* The n-th call may be one that the thread makes. */
			socketmap_stop(m);
			disarm();
			if (n > 9)
				break;
			continue;
		}
		assert_true(disarm());
		assert_int_equal(f.kind, FAULT_UNAVAILABLE);
		assert_memory_equal(f.text, "cannot serve the socketmap: ",
		    28);
		/*
		 * All descriptors are closed; the given one may still be open.
		 */
		assert_in_range(open_files(), files - 1, files);
		if (open_files() == files)
			close(fd);
	}
	assert_in_range(n, 9, 20);
}

static void
test_map_serves(void **state)
{
	struct socketmap *m;
	struct fault f;
	uint16_t port;
	int fd = listening(&port), cut = 0;

	(void)state;
	/* When getrlimit(2) fails the socketmap serves all the same. */
	atomic_store(&no_limit, true);
	/* The loop that fails is begun again. */
	atomic_store(&no_loop, true);
	assert_non_null(m = socketmap_start(&state_of_daemon, fd, "off", &f));
	assert_string_equal(talk(port, question, strlen(answer)), answer);
	assert_false(atomic_load(&no_loop));
	atomic_store(&no_limit, false);
	for (long n = 1; n < 40; n++) {
		const char *got;
		bool hit;

		arm(n);
		got = talk(port, question, strlen(answer));
		hit = disarm();
		if (got[0] != '\0')
			assert_string_equal(got, answer);
		else
			assert_true(hit);
		cut += got[0] == '\0';
		assert_string_equal(talk(port, question, strlen(answer)),
		    answer);
		if (!hit)
			break;
	}
	/*
	 * Calls that end the connection: no memory, no bufferevent, no timer,
	 * not watched, no bytes.
	 */
	assert_in_range(cut, 5, 10);
	socketmap_stop(m);
	socketmap_stop(NULL);
}

/*
 * A resolver that answers on one connection after another, and does so for as
 * long as the process lives.
 */
static const char resolved[] = "27:OK secure match=.dest.test ,";

static void *
resolve(void *arg)
{
	int fd = *(int *)arg;

	for (;;) {
		int peer = accept(fd, NULL, NULL);
		char got[256];

		while (peer != -1 && recv(peer, got, sizeof got, 0) > 0 &&
		    send(peer, resolved, sizeof resolved - 1,
		    MSG_NOSIGNAL) > 0)
			;
		close(peer);
	}
	return NULL;
}

/* Starts such a resolver; returns the setting that names it. */
static const char *
start_resolver(void)
{
	static char setting[64];
	static int fd;
	struct sockaddr_in6 a = { .sin6_family = AF_INET6,
		.sin6_addr = IN6ADDR_LOOPBACK_INIT };
	socklen_t n = sizeof a;
	pthread_t thread;

	fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd == -1 || bind(fd, (struct sockaddr *)&a, sizeof a) != 0)
		return NULL; /* no IPv6 here */
	assert_int_equal(listen(fd, 100), 0);
	getsockname(fd, (struct sockaddr *)&a, &n);
	assert_int_equal(pthread_create(&thread, NULL, resolve, &fd), 0);
	pthread_detach(thread);
	snprintf(setting, sizeof setting, "inet6:%u@::1 map",
	    (unsigned)ntohs(a.sin6_port));
	return setting;
}

/* A rule that does not suffice without the resolver, whose n-th call fails. */
static void
test_map_resolves(void **state)
{
	const char *setting = start_resolver();
	struct socketmap *m;
	struct fault f;
	uint16_t port;
	int fd, cut = 0, temp = 0;

	(void)state;
	if (setting == NULL)
		skip();
	fd = listening(&port);
	assert_non_null(m = socketmap_start(&state_of_daemon, fd, setting, &f));
	for (long n = 1; n < 60; n++) {
		const char *got;
		bool hit;

		/*
		 * A question beforehand: the loop runs, and no connection to
		 * the resolver is kept.
		 */
		assert_non_null(strstr(talk(port, alive, NETSTRING), ":OK "));
		arm(n);
		got = talk(port, question, NETSTRING);
		hit = disarm();
		temp += strstr(got, ":TEMP ") != NULL;
		cut += got[0] == '\0';
		assert_true(hit || strstr(got, ":OK secure match=") != NULL);
		assert_true(got[0] == '\0' || strstr(got, ":TEMP ") != NULL ||
		    strstr(got, ":OK secure match=") != NULL);
		assert_non_null(strstr(talk(port, question, NETSTRING),
		    ":OK secure match="));
		if (!hit)
			break;
		socketmap_stop(m);
		fd = listening(&port);
		assert_non_null(m = socketmap_start(&state_of_daemon, fd,
		    setting, &f));
	}
	/* No link, no bufferevent, not watched, not connected, not written,
	 * no bytes: told as what it is. */
	assert_in_range(temp, 5, 12);
	assert_in_range(cut, 5, 16);
	socketmap_stop(m);
}

static const char page[] = "GET /metrics HTTP/1.0\r\n\r\n";
static const char health[] = "GET /healthz HTTP/1.0\r\n\r\n";

static struct metrics_server *
listen_metrics(struct endpoint *e, struct fault *f)
{
	int fd = listening(&e->port);

	close(fd);
	e->ipv6 = false;
	snprintf(e->address, sizeof e->address, "127.0.0.1");
	fault_clear(f);
	return metrics_server_listen(&state_of_daemon, e, f);
}

static void
test_metrics_start(void **state)
{
	long n;

	(void)state;
	for (n = 1; n < 40; n++) {
		/*
		 * A metrics server is never freed: a static pointer to it is no
		 * leak.
		 */
		static struct metrics_server *volatile s;
		struct endpoint e;
		struct fault f;
		unsigned files = open_files();

		arm(n);
		s = listen_metrics(&e, &f);
		if (s != NULL) {
			assert_false(metrics_server_start(s, &f) &&
			    disarm());
			break;
		}
		assert_true(disarm());
		assert_int_equal(f.kind, FAULT_UNAVAILABLE);
		assert_string_equal(f.text, "out of memory");
		assert_int_equal(open_files(), files);
	}
	disarm();
	assert_in_range(n, 6, 20);
}

/* libevent answers an error by 1.1, whatever the request was. */
static bool
has_status(const char *got, const char *status)
{
	return strncmp(got, "HTTP/1.", 7) == 0 && strlen(got) > 12 &&
	    strncmp(got + 9, status, 3) == 0;
}

static bool
is_whole(const char *got)
{
	return has_status(got, "200") &&
	    strstr(got, "\r\nCache-Control: no-store\r\n") != NULL &&
	    strstr(got, "callback_seconds_count{callback=\"close\"}") != NULL;
}

static void
test_metrics_serve(void **state)
{
	static struct metrics_server *volatile s;
	struct endpoint e;
	struct fault f;
	int cut = 0;

	(void)state;
	assert_non_null(s = listen_metrics(&e, &f));
	/* The loop that fails is begun again. */
	arm(2);
	assert_true(metrics_server_start(s, &f));
	assert_true(is_whole(talk(e.port, page, 65536)));
	assert_true(disarm());
	/* A log that is turned off has no numbers, and is not unwell. */
	assert_null(strstr(talk(e.port, page, 65536), "audit_up"));
	assert_non_null(strstr(talk(e.port, health, 65536), "\r\n\r\nok\n"));
	for (long n = 1; n < 40; n++) {
		const char *got;
		bool hit;

		arm(n);
		got = talk(e.port, page, 65536);
		hit = disarm();
		assert_true(is_whole(got) || hit);
		if (!is_whole(got)) {
			assert_true(got[0] == '\0' || has_status(got, "500"));
			cut++;
		}
		assert_true(is_whole(talk(e.port, page, 65536)));
		if (!hit)
			break;
	}
	assert_in_range(cut, 4, 12);
	/* While the daemon stops every page is answered by 503. */
	assert_true(drain_close(&state_of_daemon.drain, 0));
	assert_true(has_status(talk(e.port, page, 65536), "503"));
	assert_true(has_status(talk(e.port, health, 65536), "503"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_map_start),
		cmocka_unit_test(test_map_serves),
		cmocka_unit_test(test_map_resolves),
		cmocka_unit_test(test_metrics_start),
		cmocka_unit_test(test_metrics_serve),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return unit_leave(cmocka_run_group_tests(tests, start, stop));
}
