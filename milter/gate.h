/*
 * gate.h - who is inside a callback, so that the daemon can stop.
 *
 * libmilter neither waits for running callbacks nor stops calling new ones
 * when it is told to end.  Each callback passes the gate; when it is closed
 * nobody enters any more, and whoever closed it waits for those inside.
 *
 * Threads: any.
 */
#ifndef TLSPOLICY_GATE_H
#define TLSPOLICY_GATE_H

#include <stdatomic.h>
#include <stdbool.h>

struct gate {
	atomic_int inside;
	atomic_bool closed;
};

void gate_init(struct gate *);
/* False: closed; the caller is not inside and must not leave. */
bool gate_enter(struct gate *);
void gate_leave(struct gate *);
/* False: somebody was still inside after `ms` milliseconds. */
bool gate_close(struct gate *, int ms);

#endif
