/*
 * clock.so: a clock on the wall that jumps.  Loaded by LD_PRELOAD, it adds to
 * CLOCK_REALTIME the microseconds in the file that FAULT_CLOCK names; the
 * monotonic clock stays true, as it does when somebody sets the date.
 *
 * The kernel does not know: a wait until a time of that clock ends too late or
 * at once, and is found by that.
 *
 * With FAULT_HASTE in the environment a ppoll(2) of more than a minute waits for
 * a hundredth of it, and for a thread that calls epoll_wait(2) a second lasts for
 * a twentieth, or as much less as its number says when that is more than 1.
 */
#define _GNU_SOURCE
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include "t/fault/control.h"

enum { HASTE = 20 }; /* when FAULT_HASTE has no number */

static _Atomic int64_t *offset_us;
static struct timespec begun; /* when the hurried clock began */
static _Thread_local int hasty; /* how many times as fast this thread's clock runs; 0: as ever */

__attribute__((constructor)) static void
find_control(void)
{
	offset_us = control_map("FAULT_CLOCK", sizeof *offset_us);
	syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &begun);
}

static int64_t
now_us(void)
{
	struct timespec t = { 0, 0 };

	syscall(SYS_clock_gettime, CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000 +
	    (offset_us == NULL ? 0 : atomic_load(offset_us));
}

static int
hurry(struct timespec *t)
{
	int64_t ns;

	syscall(SYS_clock_gettime, CLOCK_MONOTONIC, t);
	ns = (t->tv_sec - begun.tv_sec) * INT64_C(1000000000) + t->tv_nsec -
	    begun.tv_nsec;
	ns = ns * hasty + begun.tv_nsec;
	t->tv_sec = begun.tv_sec + ns / 1000000000;
	t->tv_nsec = ns % 1000000000;
	return 0;
}

int
clock_gettime(clockid_t id, struct timespec *t)
{
	int64_t us;

	/* libevent reads the coarse clock. */
	if ((id == CLOCK_MONOTONIC || id == CLOCK_MONOTONIC_COARSE) &&
	    hasty != 0)
		return hurry(t);
	if (id != CLOCK_REALTIME && id != CLOCK_REALTIME_COARSE)
		return (int)syscall(SYS_clock_gettime, id, t);
	us = now_us();
	t->tv_sec = us / 1000000;
	t->tv_nsec = us % 1000000 * 1000;
	return 0;
}

int
gettimeofday(struct timeval *restrict t, void *restrict zone)
{
	int64_t us = now_us();

	(void)zone;
	t->tv_sec = us / 1000000;
	t->tv_usec = us % 1000000;
	return 0;
}

time_t
time(time_t *t)
{
	time_t now = now_us() / 1000000;

	if (t != NULL)
		*t = now;
	return now;
}

int
ppoll(struct pollfd *fds, nfds_t n, const struct timespec *limit,
    const sigset_t *mask)
{
	struct timespec left = { 0, 0 };

	if (limit != NULL)
		left = *limit;
	if (left.tv_sec > 60 && getenv("FAULT_HASTE") != NULL)
		left.tv_sec /= 100;
	return (int)syscall(SYS_ppoll, fds, n, limit == NULL ? NULL : &left,
	    mask, 8);
}

int
epoll_wait(int fd, struct epoll_event *events, int n, int ms)
{
	const char *word = getenv("FAULT_HASTE");

	if (word != NULL)
		hasty = atoi(word) > 1 ? atoi(word) : HASTE;
	if (hasty != 0 && ms > 0)
		ms = (ms + hasty - 1) / hasty;
	return (int)syscall(SYS_epoll_pwait, fd, events, n, ms, NULL, 8);
}
