/*
 * Measured, 60 sessions sending half a command each, three new ones in between:
 * 22 of 90 new ones waited until another connection came, before; afterwards
 * none: the wait here, and what starting the threads takes.
 *
 * When threads cannot be started libmilter forgets the session, which then
 * waits for ever; so do connections made here, of which there are few.  The
 * wait grows while nothing changes.
 */
#include "config.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "milter/handover.h"
#include "milter/worker.h"
#include "policy/policy.h"

enum { WAIT_MAX_MS = 1000 };

static atomic_int calls = -1;

/* Of the thread that calls accept(). */
static int64_t since;		     /* some session has waited; 0: none does */
static int64_t wait_ms = WORKER_WAIT_MS; /* before connections are made */
static int before;		     /* so many waited */
static int due;			     /* connections that accept() has */

int
worker_calls(void)
{
	if (calls == -1)
		calls = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return calls;
}

void
worker_called(void)
{
	eventfd_t n;

	(void)eventfd_read(calls, &n);
}

void
worker_call(void)
{
	if (calls != -1)
		(void)eventfd_write(calls, 1);
}

int
worker_wait_ms(int ms)
{
	int64_t limit = handover_waits() ? wait_ms :
	    calls == -1 ? WAIT_MAX_MS : ms;

	return limit < ms ? (int)limit : ms;
}

bool
worker_wanted(void)
{
	int lacking = handover_lacking();
	int64_t now = clock_ms();

	if (due > 0)
		return true;
	if (lacking == 0) {
		since = 0;
		wait_ms = WORKER_WAIT_MS;
		return false;
	}
	if (since == 0)
		since = now;
	if (now - since < wait_ms)
		return false;
	wait_ms = lacking != before ? WORKER_WAIT_MS :
	    wait_ms < WAIT_MAX_MS / 2 ? wait_ms * 2 : WAIT_MAX_MS;
	before = lacking;
	since = now;
	due = lacking < HANDOVER_MADE_MAX ? lacking : HANDOVER_MADE_MAX;
	return true;
}

int
worker_connection(int listening, struct sockaddr *address, socklen_t *length)
{
	int ends[2];

	if (due == 0)
		return -1;
	due--;
	if (getsockname(listening, address, length) == -1 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == -1)
		return -1;
	close(ends[1]);
	if (handover_made(ends[0]))
		return ends[0];
	close(ends[0]);
	return -1;
}
