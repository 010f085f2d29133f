/*
 * Sockets are registered once, for edges: a command costs epoll_wait(2),
 * recv(2) and send(2), and a parked session costs nothing.
 */
#include "config.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "milter/accept.h"
#include "milter/engine/loop.h"
#include "milter/engine/trouble.h"
#include "milter/log.h"
#include "milter/signals.h"
#include "policy/policy.h"

enum { EVENTS = 64, ACCEPTS = 8, LOOK_MS = 10000, PAUSE_MS = 20 };

static void
ring(struct loop *l)
{
	const uint64_t one = 1;

	/* A full eventfd rings already. */
	if (write(l->bell, &one, sizeof one) == -1)
		return;
}

static bool
add(struct loop *l, int fd, uint32_t events, void *what)
{
	struct epoll_event event = { .events = events, .data.ptr = what };

	return epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

/*
 * Registers the listening socket again.  False: no memory, to be tried again.
 */
static bool
listen_again(struct loop *l)
{
	l->listens = add(l, l->listening, EPOLLIN | EPOLLEXCLUSIVE,
	    &l->listening);
	l->listen_ms = l->listens ? 0 : clock_ms() + ACCEPT_PAUSE_MS;
	return l->listens;
}

static void
listen_no_more(struct loop *l)
{
	if (l->listens)
		epoll_ctl(l->epoll, EPOLL_CTL_DEL, l->listening, NULL);
	l->listens = false;
	l->listen_ms = 0;
}

bool
loop_open(struct loop *l, int listening, bool tcp,
    const struct context_callbacks *callbacks, struct fault *f)
{
	l->callbacks = callbacks;
	l->listening = listening;
	l->tcp = tcp;
	TAILQ_INIT(&l->all);
	TAILQ_INIT(&l->again);
	TAILQ_INIT(&l->parked);
	TAILQ_INIT(&l->woken);
	pthread_mutex_init(&l->lock, NULL);
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	l->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (l->epoll == -1 || l->bell == -1 ||
	    !add(l, l->bell, EPOLLIN, &l->bell) || !listen_again(l))
		return fault_errno(f, FAULT_UNAVAILABLE, errno,
		    "cannot wait for MTAs");
	l->look_ms = clock_ms() + LOOK_MS;
	return true;
}

void
loop_wake(struct peer *p)
{
	struct loop *l = p->loop;
	bool first;

	pthread_mutex_lock(&l->lock);
	first = TAILQ_EMPTY(&l->woken);
	if (!p->is_woken)
		TAILQ_INSERT_TAIL(&l->woken, p, woken);
	p->is_woken = true;
	pthread_mutex_unlock(&l->lock);
	if (first)
		ring(l);
}

/* NULL: none. */
static struct peer *
next_woken(struct loop *l)
{
	struct peer *p;

	pthread_mutex_lock(&l->lock);
	p = TAILQ_FIRST(&l->woken);
	pthread_mutex_unlock(&l->lock);
	return p;
}

static void
forget_woken(struct loop *l, struct peer *p)
{
	pthread_mutex_lock(&l->lock);
	if (p->is_woken)
		TAILQ_REMOVE(&l->woken, p, woken);
	p->is_woken = false;
	pthread_mutex_unlock(&l->lock);
}

static void
leave_lists(struct loop *l, struct peer *p)
{
	if (p->is_again)
		TAILQ_REMOVE(&l->again, p, again);
	if (p->is_parked)
		TAILQ_REMOVE(&l->parked, p, parked);
	p->is_again = p->is_parked = false;
}

static void
drop(struct loop *l, struct peer *p)
{
	forget_woken(l, p);
	TAILQ_REMOVE(&l->all, p, all);
	peer_free(p);
}

/*
 * Where the kernel may not tell that there is room, the peer is looked at in
 * time.
 */
static void
wait_to_send(struct loop *l, struct peer *p, bool wait)
{
	struct epoll_event event = { .data.ptr = p,
		.events = EPOLLIN | EPOLLRDHUP | EPOLLET };

	if (p->waits == wait)
		return;
	if (wait)
		event.events |= EPOLLOUT;
	if (epoll_ctl(l->epoll, EPOLL_CTL_MOD, p->fd, &event) == 0)
		p->waits = wait;
}

static void
park(struct loop *l, struct peer *p)
{
	struct peer *before = TAILQ_LAST(&l->parked, loop_peers);

	while (before != NULL && before->ctx.until > p->ctx.until)
		before = TAILQ_PREV(before, loop_peers, parked);
	if (before == NULL)
		TAILQ_INSERT_HEAD(&l->parked, p, parked);
	else
		TAILQ_INSERT_AFTER(&l->parked, before, p, parked);
	p->is_parked = true;
}

static void
go_on(struct loop *l, struct peer *p, enum peer_next next)
{
	leave_lists(l, p);
	switch (next) {
	case PEER_GONE:
		drop(l, p);
		return;
	case PEER_AGAIN:
		TAILQ_INSERT_TAIL(&l->again, p, again);
		p->is_again = true;
		break;
	case PEER_PARKED:
		park(l, p);
		break;
	case PEER_REST:
	case PEER_SENDS:
		break;
	}
	wait_to_send(l, p, next == PEER_SENDS);
}

static void
settle(struct loop *l, struct peer *p)
{
	enum peer_next next;

	/*
	 * Forgotten before it is looked at: whatever wakes the peer from now on
	 * is news.
	 */
	forget_woken(l, p);
	if (!p->ctx.parked)
		return;
	next = peer_settle(p, &l->scratch);
	if (next == PEER_AGAIN)
		next = peer_turn(p, &l->scratch);
	go_on(l, p, next);
}

static void
welcome(struct loop *l, int fd)
{
	struct peer *p = peer_new(fd, l->callbacks, clock_ms());
	int on = 1;

	if (p == NULL) {
		trouble_tell("no memory for it");
		close(fd);
		return;
	}
	p->loop = l;
	if (l->tcp) {
		setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	}
	if (!add(l, fd, EPOLLIN | EPOLLRDHUP | EPOLLET, p)) {
		trouble_tell("the kernel does not watch it");
		peer_free(p);
		return;
	}
	TAILQ_INSERT_TAIL(&l->all, p, all);
}

/* Accepts a few connections at a time: other loops are there for the rest. */
static void
accept_some(struct loop *l)
{
	for (int i = 0; i < ACCEPTS; i++) {
		int fd = accept_next(l->listening);

		if (fd >= 0) {
			welcome(l, fd);
			continue;
		}
		if (errno != EAGAIN) {
			listen_no_more(l);
			l->listen_ms = clock_ms() + ACCEPT_PAUSE_MS;
		}
		return;
	}
}

static void
take_event(struct loop *l, const struct epoll_event *event)
{
	struct peer *p = event->data.ptr;
	uint64_t rung;

	if (event->data.ptr == &l->bell) {
		if (read(l->bell, &rung, sizeof rung) == -1)
			return;
		return;
	}
	if (event->data.ptr == &l->listening) {
		if (l->listens)
			accept_some(l);
		return;
	}
	if ((event->events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
		p->ended = true;
	go_on(l, p, peer_turn(p, &l->scratch));
}

static void
take_again(struct loop *l)
{
	struct loop_peers now = TAILQ_HEAD_INITIALIZER(now);
	struct peer *p;

	TAILQ_CONCAT(&now, &l->again, again);
	while ((p = TAILQ_FIRST(&now)) != NULL) {
		TAILQ_REMOVE(&now, p, again);
		p->is_again = false;
		go_on(l, p, peer_turn(p, &l->scratch));
	}
}

/*
 * Takes some woken peers: when they come without end, sockets have their turn,
 * too.
 */
static void
take_settled(struct loop *l)
{
	int64_t now;
	struct peer *p;

	for (int i = 0; i < EVENTS && (p = next_woken(l)) != NULL; i++)
		settle(l, p);
	l->behind = next_woken(l) != NULL;
	now = clock_ms();
	while ((p = TAILQ_FIRST(&l->parked)) != NULL && p->ctx.until <= now)
		settle(l, p);
}

static void
look(struct loop *l)
{
	int64_t now = clock_ms();
	struct peer *p = TAILQ_FIRST(&l->all), *next;

	if (l->listen_ms != 0 && now >= l->listen_ms)
		(void)listen_again(l);
	if (now < l->look_ms)
		return;
	l->look_ms = now + LOOK_MS;
	for (; p != NULL; p = next) {
		enum peer_next state;

		next = TAILQ_NEXT(p, all);
		state = peer_look(p, now);
		if (state != PEER_REST)
			go_on(l, p, state);
	}
}

static int
patience(const struct loop *l)
{
	const struct peer *first = TAILQ_FIRST(&l->parked);
	int64_t until = l->look_ms, now;

	if (l->behind || !TAILQ_EMPTY(&l->again))
		return 0;
	if (first != NULL && first->ctx.until < until)
		until = first->ctx.until;
	if (l->listen_ms != 0 && l->listen_ms < until)
		until = l->listen_ms;
	now = clock_ms();
	return until <= now ? 0 : (int)(until - now);
}

static void
obey(struct loop *l)
{
	if (!atomic_load(&l->leave) || atomic_load(&l->left))
		return;
	listen_no_more(l);
	atomic_store(&l->left, true);
}

static void *
run(void *arg)
{
	const struct timespec pause = { 0, PAUSE_MS * 1000000L };
	struct epoll_event events[EVENTS];
	struct loop *l = arg;

	signals_block();
	while (!atomic_load(&l->end)) {
		int n = epoll_wait(l->epoll, events, EVENTS, patience(l));

		if (n == -1 && errno != EINTR)
			nanosleep(&pause, NULL);
		obey(l);
		for (int i = 0; i < n; i++)
			take_event(l, &events[i]);
		take_settled(l);
		take_again(l);
		look(l);
	}
	return NULL;
}

bool
loop_start(struct loop *l, struct fault *f)
{
	int error = pthread_create(&l->thread, NULL, run, l);

	return error == 0 || fault_errno(f, FAULT_UNAVAILABLE, error,
	    "cannot start a thread for MTAs");
}

void
loop_leave(struct loop *l)
{
	atomic_store(&l->leave, true);
	ring(l);
}

void
loop_end(struct loop *l)
{
	atomic_store(&l->end, true);
	ring(l);
}
