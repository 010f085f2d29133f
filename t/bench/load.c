/*
 * load: milter sessions without an MTA, as many as the milter can take.
 *
 * One thread and one epoll set: the generator must cost less than what it
 * measures.  "8 at a time" is eight sessions that follow one another on eight
 * slots; idle sessions lie beside them after HELO, as those of SMTP clients
 * that connected and say nothing.
 */
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "t/bench/load.h"
#include "t/bench/session.h"

struct slot {
	struct session session;
	uint64_t due;		/* stats_clock() at which a pause ends */
	struct slot *next;	/* in the queue of pausing slots */
};

struct loop {
	const struct load_options *options;
	struct session_run *run;
	int epoll;
	unsigned open;		/* sessions that are not idle ones */
	unsigned resting;	/* idle sessions that are past HELO */
	int silent;		/* seconds without any event */
	uint64_t started;
	struct slot *pausing;	/* all pauses are of one length: in order */
	struct slot **pausing_end;
};

static volatile sig_atomic_t stopped;

static void
stop(int signal)
{
	(void)signal;
	stopped = 1;
}

static int
connect_milter(const struct load_options *o)
{
	struct timeval limit = { .tv_sec = o->timeout };
	struct linger abort_on_close = { .l_onoff = 1 };
	int one = 1, fd = socket(o->address.ss_family, SOCK_STREAM, 0);

	if (fd == -1)
		err(EX_OSERR, "socket");
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (o->address.ss_family != AF_UNIX) {
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		if (o->reset)
			setsockopt(fd, SOL_SOCKET, SO_LINGER, &abort_on_close,
			    sizeof(abort_on_close));
	}
	if (connect(fd, (const struct sockaddr *)&o->address,
		o->address_size) == 0)
		return fd;
	close(fd);
	return -1;
}

static bool
wanted(const struct loop *l)
{
	const struct load_options *o = l->options;

	if (stopped)
		return false;
	if (o->sessions != 0)
		return l->run->next < o->sessions + o->idle;
	return stats_clock() - l->started < o->seconds * 1000000000U;
}

static void
pause_slot(struct loop *l, struct slot *slot)
{
	slot->due = stats_clock() + l->options->think * 1000000U;
	slot->next = NULL;
	*l->pausing_end = slot;
	l->pausing_end = &slot->next;
}

/* False: the milter does not listen, or the process may open no more. */
static bool
start(struct loop *l, struct slot *slot)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = slot };
	int fd = connect_milter(l->options);

	if (fd == -1) {
		l->run->broken++;
		return false;
	}
	if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &event) == -1)
		err(EX_OSERR, "epoll_ctl");
	if (session_start(&slot->session, l->run, fd) == SESSION_ENDED) {
		close(fd);
		return false;
	}
	l->open += !slot->session.idle;
	return true;
}

static void
settle(struct loop *l, struct slot *slot, enum session_state state)
{
	if (state == SESSION_PAUSES)
		pause_slot(l, slot);
	if (state == SESSION_RESTS)
		l->resting++;
	if (state != SESSION_ENDED)
		return;
	close(slot->session.fd);
	if (slot->session.idle)
		return;
	l->open--;
	for (int n = l->options->timeout * 100; n > 0 && wanted(l); n--) {
		if (start(l, slot))
			return;
		usleep(10000);
	}
}

/* Milliseconds until the first pause ends, at most a second. */
static int
patience(const struct loop *l)
{
	uint64_t now;

	if (l->pausing == NULL)
		return 1000;
	now = stats_clock();
	return l->pausing->due <= now
	    ? 0 : (int)((l->pausing->due - now) / 1000000U) + 1;
}

static void
end_pauses(struct loop *l)
{
	struct slot *slot;

	while (l->pausing != NULL && l->pausing->due <= stats_clock()) {
		slot = l->pausing;
		l->pausing = slot->next;
		if (l->pausing == NULL)
			l->pausing_end = &l->pausing;
		settle(l, slot, session_go(&slot->session));
	}
}

/* One turn; false: nothing came for as long as an MTA would wait. */
static bool
turn(struct loop *l)
{
	struct epoll_event events[64];
	int n = epoll_wait(l->epoll, events, 64, patience(l));
	struct slot *slot;

	if (n == -1 && errno != EINTR)
		err(EX_OSERR, "epoll_wait");
	for (int i = 0; i < n; i++) {
		slot = events[i].data.ptr;
		settle(l, slot, session_read(&slot->session));
	}
	end_pauses(l);
	l->silent = n == 0 && l->pausing == NULL ? l->silent + 1 : 0;
	return l->silent < l->options->timeout;
}

static struct slot *
make_slots(unsigned count, bool idle, bool pause)
{
	struct slot *slots = calloc(count + 1, sizeof(*slots));

	if (slots == NULL)
		err(EX_OSERR, "%u sessions", count);
	for (unsigned n = 0; n < count; n++) {
		slots[n].session.fd = -1;
		slots[n].session.idle = idle;
		slots[n].session.pause = pause;
	}
	return slots;
}

/* Bring the idle sessions to rest before anything is measured. */
static void
start_idle(struct loop *l, struct slot *slots)
{
	for (unsigned n = 0; n < l->options->idle && !stopped; n++) {
		if (!start(l, &slots[n]))
			err(EX_UNAVAILABLE, "idle session %u", n + 1);
		while (l->resting < n + 1 && n % 16 == 15 && turn(l))
			;
	}
	while (l->resting < l->options->idle && !stopped) {
		if (!turn(l))
			errx(EX_UNAVAILABLE, "idle sessions get no answer");
	}
}

double
load_run(const struct load_options *o, struct session_run *run)
{
	struct loop l = { .options = o, .run = run };
	struct slot *idle = make_slots(o->idle, true, false);
	struct slot *busy = make_slots(o->parallel, false, o->think != 0);
	uint64_t took;

	signal(SIGINT, stop);
	signal(SIGTERM, stop);
	l.pausing_end = &l.pausing;
	if ((l.epoll = epoll_create1(EPOLL_CLOEXEC)) == -1)
		err(EX_OSERR, "epoll_create1");
	start_idle(&l, idle);
	l.started = stats_clock();
	for (unsigned n = 0; n < o->parallel && wanted(&l); n++) {
		if (!start(&l, &busy[n]))
			errx(EX_UNAVAILABLE, "cannot connect to the milter");
	}
	if (o->ready != NULL)
		o->ready();
	while (l.open > 0 || (o->parallel == 0 && wanted(&l))) {
		if (!turn(&l)) {
			run->broken += l.open;
			break;
		}
	}
	took = stats_clock() - l.started;
	close(l.epoll);
	free(idle);
	free(busy);
	return (double)took / 1e9;
}
