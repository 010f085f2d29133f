/*
 * Nothing of this is touched by two threads but the descriptor that ends the
 * loop, so libevent is used without its locks.
 */
#include "config.h"

#include <event2/event.h>
#include <event2/listener.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "milter/accept.h"
#include "milter/evmemory.h"
#include "milter/log.h"
#include "milter/socketmap/maplink.h"
#include "milter/signals.h"
#include "milter/socketmap/socketmap.h"

enum { LINKS_MAX = 10000, STOP_S = 3 };

struct socketmap {
	struct maplink_owner owner;
	struct evconnlistener *listener;
	struct event *end, *again;
	int end_fd;
	unsigned max;
	struct accept_trouble trouble;
	pthread_t thread;
};

static void
pause_accepting(struct socketmap *m)
{
	const struct timeval pause = { 0, ACCEPT_PAUSE_MS * 1000 };

	evconnlistener_disable(m->listener);
	event_add(m->again, &pause);
}

static void
on_connect(struct evconnlistener *listener, evutil_socket_t fd,
    struct sockaddr *address, int length, void *arg)
{
	struct socketmap *m = arg;
	int on = 1;

	(void)listener;
	(void)address;
	(void)length;
	accept_succeeded(&m->trouble);
	if (m->owner.n >= m->max)
		maplink_drop_oldest(&m->owner);
	/* Of use on TCP only: hosts that went away without a word. */
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
	maplink_open(&m->owner, fd);
}

/*
 * No descriptor is left in the process or the machine.  The connection waits
 * in the queue, so the loop would be told of it again at once.
 */
static void
on_accept_error(struct evconnlistener *listener, void *arg)
{
	struct socketmap *m = arg;

	(void)listener;
	accept_failed(&m->trouble, errno);
	maplink_drop_oldest(&m->owner);
	pause_accepting(m);
}

static void
on_again(evutil_socket_t fd, short what, void *arg)
{
	struct socketmap *m = arg;

	(void)fd;
	(void)what;
	/* epoll_ctl(2) may fail for want of memory. */
	if (evconnlistener_enable(m->listener) == -1)
		pause_accepting(m);
}

static void
on_end(evutil_socket_t fd, short what, void *arg)
{
	struct socketmap *m = arg;

	(void)fd;
	(void)what;
	event_base_loopbreak(m->owner.base);
}

static void *
loop(void *arg)
{
	struct socketmap *m = arg;

	signals_block();
	evmemory_wait();
	if (event_base_dispatch(m->owner.base) == -1)
		log_warnx("socketmap: the event loop ended with a failure");
	return NULL;
}

static unsigned
links_max(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == -1 ||
	    limit.rlim_cur / 2 > LINKS_MAX)
		return LINKS_MAX;
	return (unsigned)limit.rlim_cur / 2;
}

static void
release(struct socketmap *m)
{
	maplink_close_all(&m->owner);
	resolver_free(m->owner.resolver);
	if (m->listener != NULL)
		evconnlistener_free(m->listener);
	if (m->end != NULL)
		event_free(m->end);
	if (m->again != NULL)
		event_free(m->again);
	if (m->owner.base != NULL)
		event_base_free(m->owner.base);
	if (m->end_fd != -1)
		close(m->end_fd);
	free(m);
}

static bool
prepare_resolver(struct socketmap *m, const char *setting, struct fault *f)
{
	if (slice_is(slice_of(setting), "off"))
		return true;
	m->owner.resolver = resolver_new(m->owner.daemon, m->owner.base,
	    setting, f);
	return m->owner.resolver != NULL;
}

static bool
prepare(struct socketmap *m, int fd)
{
	m->owner.base = event_base_new();
	m->end_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (m->owner.base == NULL || m->end_fd == -1)
		return false;
	m->end = event_new(m->owner.base, m->end_fd, EV_READ, on_end, m);
	m->again = event_new(m->owner.base, -1, 0, on_again, m);
	m->listener = evconnlistener_new(m->owner.base, on_connect, m,
	    LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
	if (m->end == NULL || m->again == NULL || m->listener == NULL)
		return false;
	evconnlistener_set_error_cb(m->listener, on_accept_error);
	/* evconnlistener_new() does not look whether it can listen. */
	return evconnlistener_enable(m->listener) == 0 &&
	    event_add(m->end, NULL) == 0;
}

struct socketmap *
socketmap_start(struct daemon *d, int fd, const char *resolver,
    struct fault *f)
{
	struct socketmap *m = calloc(1, sizeof *m);
	int error = ENOMEM;

	fault_clear(f);
	if (m != NULL) {
		m->end_fd = -1;
		m->trouble.where = "socketmap: ";
		m->owner.daemon = d;
		m->max = links_max();
		TAILQ_INIT(&m->owner.links);
		if (prepare(m, fd) && prepare_resolver(m, resolver, f))
			error = pthread_create(&m->thread, NULL, loop, m);
		if (error == 0)
			return m;
		release(m);
	}
	if (f->kind == FAULT_NONE)
		fault_errno(f, FAULT_UNAVAILABLE, error,
		    "cannot serve the socketmap");
	return NULL;
}

void
socketmap_stop(struct socketmap *m)
{
	const uint64_t one = 1;
	struct timespec until;

	if (m == NULL)
		return;
	/* Its thread may wait for memory: then the process ends under it. */
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += STOP_S;
	if (write(m->end_fd, &one, sizeof one) == sizeof one &&
	    pthread_timedjoin_np(m->thread, NULL, &until) == 0)
		release(m);
}
