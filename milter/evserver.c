/*
 * Nothing of this is touched by two threads but the descriptor that ends the
 * loop, so libevent is used without its locks.
 */
#include "config.h"

#include <event2/event.h>
#include <errno.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "milter/evmemory.h"
#include "milter/evserver.h"
#include "milter/log.h"
#include "milter/signals.h"
#include "policy/policy.h"

enum { LINKS_MAX = 10000, STOP_S = 3 };

static void
pause_accepting(struct evserver *s)
{
	const struct timeval pause = { 0, ACCEPT_PAUSE_MS * 1000 };

	evconnlistener_disable(s->listener);
	event_add(s->again, &pause);
}

static void
on_connect(struct evconnlistener *listener, evutil_socket_t fd,
    struct sockaddr *address, int length, void *arg)
{
	struct evserver *s = arg;
	int on = 1;

	(void)address;
	(void)length;
	if (accept_is_spared(fd)) {
		accept_failed(&s->trouble, EMFILE);
		evutil_closesocket(fd);
		pause_accepting(s);
		return;
	}
	accept_succeeded(&s->trouble);
	/* On TCP, hosts may go away without a word. */
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
	if (s->nlinks >= s->max) {
		evlink_drop_oldest(s);
		/*
		 * The listening socket is enabled again when the loop comes
		 * round.
		 */
		evconnlistener_disable(listener);
		event_active(s->again, EV_TIMEOUT, 1);
	}
	evlink_open(s, fd);
}

/*
 * No descriptor is left in the process or the machine.  The connection waits
 * in the queue, so the loop would be told of it again at once.
 */
static void
on_accept_error(struct evconnlistener *listener, void *arg)
{
	struct evserver *s = arg;

	(void)listener;
	accept_failed(&s->trouble, errno);
	evlink_drop_oldest(s);
	pause_accepting(s);
}

static void
on_again(evutil_socket_t fd, short what, void *arg)
{
	struct evserver *s = arg;

	(void)fd;
	(void)what;
	/* epoll_ctl(2) may fail for want of memory. */
	if (evconnlistener_enable(s->listener) == -1)
		pause_accepting(s);
}

static void
on_end(evutil_socket_t fd, short what, void *arg)
{
	struct evserver *s = arg;

	(void)fd;
	(void)what;
	event_base_loopbreak(s->base);
}

static void *
loop(void *arg)
{
	const struct timespec pause = { 0, ACCEPT_PAUSE_MS * 1000000L };
	struct evserver *s = arg;
	bool told = false;

	signals_block();
	evmemory_wait();
	while (event_base_dispatch(s->base) == -1) {
		if (!told)
			log_warnx("%sthe event loop failed, and is begun again",
			    s->trouble.where);
		told = true;
		nanosleep(&pause, NULL);
	}
	return NULL;
}

static unsigned
links_max(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == -1 ||
	    limit.rlim_cur / 4 > LINKS_MAX)
		return LINKS_MAX;
	return (unsigned)(limit.rlim_cur / 4);
}

bool
evserver_open(struct evserver *s, const char *where,
    const struct evlink_kind *kind, struct metrics *metrics, void *arg)
{
	*s = (struct evserver){ .max = links_max(), .kind = kind,
		.metrics = metrics, .arg = arg, .end_fd = -1,
		.trouble = { .where = where } };
	TAILQ_INIT(&s->links);
	s->base = event_base_new();
	s->end_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->base == NULL || s->end_fd == -1)
		return false;
	s->end = event_new(s->base, s->end_fd, EV_READ, on_end, s);
	s->again = event_new(s->base, -1, 0, on_again, s);
	return s->end != NULL && s->again != NULL;
}

int
evserver_start(struct evserver *s, int fd)
{
	s->listener = evconnlistener_new(s->base, on_connect, s,
	    LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
	if (s->listener == NULL)
		return ENOMEM;
	evconnlistener_set_error_cb(s->listener, on_accept_error);
	/* evconnlistener_new() does not look whether it can listen. */
	if (evconnlistener_enable(s->listener) == -1 ||
	    event_add(s->end, NULL) == -1)
		return ENOMEM;
	return pthread_create(&s->thread, NULL, loop, s);
}

bool
evserver_stop(struct evserver *s)
{
	const uint64_t one = 1;
	struct timespec until = clock_date_in(STOP_S);

	return write(s->end_fd, &one, sizeof one) == sizeof one &&
	    pthread_timedjoin_np(s->thread, NULL, &until) == 0;
}

void
evserver_free(struct evserver *s)
{
	if (s->listener != NULL)
		evconnlistener_free(s->listener);
	if (s->end != NULL)
		event_free(s->end);
	if (s->again != NULL)
		event_free(s->again);
	if (s->base != NULL)
		event_base_free(s->base);
	if (s->end_fd != -1)
		close(s->end_fd);
}
