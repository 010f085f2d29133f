/*
 * In the place of libc's, for libmilter, whose calls are told apart by what
 * they ask.
 *
 * Whether to stay with a session is asked by a poll(2) of one millisecond.  When
 * nothing comes the session goes back to the controller, by a pipe, which walks
 * all sessions and wakes another worker: with a client that answers within some
 * milliseconds that is most of what a message costs.  So a worker waits longer,
 * in slices, while no session waits for a worker, and as long as not too many
 * wait like this.
 *
 * Within a command libmilter waits for the other end for 7210 seconds at each
 * read and write, and a worker with it: for the rest of a packet, and for who
 * does not read his answers.  Postfix and sendmail give up after five minutes
 * at most (milter_content_timeout, E=), and write a packet at once; who has
 * taken longer, in all of one command, is answered by nobody any more.
 *
 * When poll(2) fails ten times in a row the thread that hands connections to
 * libmilter's workers ends, for ever and without a word to anybody: the daemon
 * then takes connections and never answers.  Ten failures for want of kernel
 * memory are a matter of microseconds, so that they become a pause and an
 * interrupted call, which libmilter makes again.
 */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stddef.h>
#include <time.h>

#include "milter/handover.h"
#include "milter/log.h"
#include "milter/readahead.h"
#include "milter/worker.h"
#include "policy/policy.h"

enum {
	PAUSE_MS = 20,
	STAY_MS = 1,		/* libmilter's "is there a command?" */
	LISTENER_MS = 5000,	/* its listener, for a connection */
	CONTROLLER_MS = 10000,	/* its controller, for all sessions at rest */
	COMMAND_MS = 300000,	/* a worker may wait within a command */
	SLICE_MAX_MS = 4,
	PATIENCE_MS = 25,
	PATIENT_MAX = 64	/* workers */
};

static atomic_int patient;

static int
wait_for(struct pollfd *fds, nfds_t n, int ms)
{
	const struct timespec pause = { 0, PAUSE_MS * 1000000 };
	struct timespec limit = { ms / 1000, ms % 1000 * 1000000L };
	int ready = ppoll(fds, n, ms < 0 ? NULL : &limit, NULL);

	if (ready == -1 && (errno == ENOMEM || errno == EAGAIN)) {
		nanosleep(&pause, NULL);
		errno = EINTR;
	}
	return ready;
}

static int
stay(struct pollfd *socket)
{
	bool may = atomic_fetch_add(&patient, 1) < PATIENT_MAX;
	int slice = STAY_MS, waited = 0, ready;

	for (;;) {
		ready = wait_for(socket, 1, slice);
		waited += slice;
		if (ready != 0 || !may || waited >= PATIENCE_MS ||
		    handover_waits())
			break;
		if (slice < SLICE_MAX_MS)
			slice *= 2;
	}
	atomic_fetch_sub(&patient, 1);
	return ready;
}

/* For the rest of a command, or to be read; 0 ends the session. */
static int
wait_for_peer(struct pollfd *socket)
{
	static struct log_seldom half, unread;
	int64_t *waited = readahead_waited(), start = clock_ms();
	int64_t left = *waited < COMMAND_MS ? COMMAND_MS - *waited : 0;
	int ready = wait_for(socket, 1, (int)left);

	*waited += clock_ms() - start;
	if (ready == 0 && (socket->events & POLLIN) != 0)
		log_seldom(&half, LOG_LEVEL_WARNING, "half a command of a "
		    "session has come in 300 s; it is ended");
	else if (ready == 0)
		log_seldom(&unread, LOG_LEVEL_WARNING, "the answers of a "
		    "session were not read in 300 s; it is ended");
	return ready;
}

/* Is there a command?  0 makes the worker leave the session. */
static int
next_command(struct pollfd *socket)
{
	int ready;

	*readahead_waited() = 0;
	if (readahead_is_new(socket->fd))
		handover_end(socket->fd);
	socket->revents = POLLIN;
	switch (readahead_fill(socket->fd)) {
	case READAHEAD_READY:
		return 1;
	case READAHEAD_NOT_HERE:
		return wait_for(socket, 1, STAY_MS);
	case READAHEAD_EMPTY:
		break;
	}
	ready = stay(socket);
	if (ready == 0)
		readahead_leave();
	else if (ready == 1 && readahead_fill(socket->fd) == READAHEAD_READY)
		socket->revents = POLLIN;
	return ready;
}

/* Waits for a connection, or for one made because no worker comes. */
static int
next_connection(struct pollfd *listening)
{
	struct pollfd either[] = { *listening, { .events = POLLIN } };
	int64_t now = clock_ms(), end = now + LISTENER_MS;

	for (; now < end; now = clock_ms()) {
		either[1].fd = worker_calls();
		if (wait_for(either, 2, worker_wait_ms((int)(end - now))) == -1)
			return -1;
		if (either[1].revents != 0)
			worker_called();
		listening->revents = either[0].revents;
		if (worker_wanted())
			listening->revents |= POLLIN;
		if (listening->revents != 0)
			return 1;
	}
	return 0;
}

/*
 * Waits for the sessions at rest; the first descriptor is the controller's
 * pipe.
 */
static int
next_sessions(struct pollfd *fds, nfds_t n)
{
	static int64_t called;
	bool waits = handover_waits();
	int64_t now = waits ? clock_ms() : 0;
	int ready;

	if (waits && now - called >= WORKER_WAIT_MS) {
		called = now;
		worker_call();
	}
	ready = wait_for(fds, n, waits ? WORKER_WAIT_MS : CONTROLLER_MS);
	for (nfds_t i = 1; ready > 0 && i < n; i++)
		if (fds[i].revents != 0)
			handover_begin(fds[i].fd);
	return ready;
}

/* A function of its own, as compilers believe that poll() only writes. */
static int __attribute__((noinline))
answer(struct pollfd *fds, nfds_t n, int ms)
{
	if (n == 1 && fds->events == POLLIN && ms == STAY_MS)
		return next_command(fds);
	if (n == 1 && (fds->events & POLLIN) != 0 && readahead_holds(fds->fd)) {
		fds->revents = POLLIN;
		return 1;
	}
	if (n == 1 && ms > COMMAND_MS)
		return wait_for_peer(fds);
	if (n == 1 && ms == LISTENER_MS)
		return next_connection(fds);
	if (ms == CONTROLLER_MS)
		return next_sessions(fds, n);
	return wait_for(fds, n, ms);
}

int
poll(struct pollfd *fds, nfds_t n, int ms)
{
	return answer(fds, n, ms);
}
