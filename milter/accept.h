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
 * Threads: one calls accept(); the others have a struct accept_trouble each.
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

/* Counts one that failed with `error`; says so, once in a minute at most. */
void accept_failed(struct accept_trouble *, int error) NONNULL;
/* Logs that connections are accepted again, if a failure was logged. */
void accept_succeeded(struct accept_trouble *) NONNULL;

#endif
