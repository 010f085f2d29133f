/*
 * accept.h - connections that cannot be accepted.
 *
 * libmilter calls accept(2) again at once when there is no descriptor left,
 * and so takes a whole processor until there is one; after sixteen errors of
 * other kinds, which on Linux may be those of a client's network, it ends.
 * accept() is ours, for libmilter, which alone in this process calls it: it
 * pauses, says so, and gives back only errors on which libmilter goes on.
 *
 * It leaves some descriptors to the rest of the process: without them neither
 * a new store nor a new audit file could be opened.  Connections that are not
 * accepted wait in the queue of the socket.
 *
 * Our engine waits for connections beside others, and must not pause: it calls
 * accept_next().
 *
 * Threads: one calls accept(), or any accept_next(); who accepts otherwise has a
 * struct accept_trouble of its own.
 */
#ifndef TLSPOLICY_ACCEPT_H
#define TLSPOLICY_ACCEPT_H

#include <stdbool.h>
#include <stdint.h>

#include "milter/metrics/metrics.h"

enum { ACCEPT_PAUSE_MS = 100 };

/* What was said of failures, so that it is not said ten times a second. */
struct accept_trouble {
	const char *where; /* "socketmap: " */
	int64_t said_ms;
	bool said;
};

/* To be called before libmilter accepts connections. */
void accept_init(struct metrics *) NONNULL;

/*
 * A connection, which does not block; or -1.  errno EAGAIN: there is none now,
 * EMFILE: there may be, and none can be accepted for ACCEPT_PAUSE_MS.
 */
int accept_next(int listening) MUST_CHECK;

/* Is a new descriptor with this number one of those left to others? */
bool accept_is_spared(int fd) MUST_CHECK;
/*
 * Counts a connection that failed with `error`; says so, once in a minute at
 * most.
 */
void accept_failed(struct accept_trouble *, int error) NONNULL;
/* Logs that connections are accepted again, if a failure was logged. */
void accept_succeeded(struct accept_trouble *) NONNULL;

#endif
