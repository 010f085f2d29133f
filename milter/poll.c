/*
 * In the place of libc's, for libmilter.  When poll(2) fails ten times in a row
 * the thread that hands connections to libmilter's workers ends, for ever and
 * without a word to anybody: the daemon then takes connections and never
 * answers.  Ten failures for want of kernel memory are a matter of
 * microseconds, so that they become a pause and an interrupted call, which
 * libmilter makes again.
 */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <time.h>

enum { PAUSE_MS = 20 };

int
poll(struct pollfd *fds, nfds_t n, int ms)
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
