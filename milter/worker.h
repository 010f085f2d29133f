/*
 * worker.h - a worker more, when sessions wait and none comes.
 *
 * libmilter starts a worker for a session unless one is idle, and counts a
 * worker as idle until it has woken: sessions that come meanwhile have no
 * worker but those that leave theirs.  When all of them stay, each with half a
 * command, the sessions wait until another one comes or an MTA gives up.
 *
 * Here a connection comes: one without anybody behind it, which ends at once.
 * libmilter starts a worker for it, and that takes a session that waits.
 *
 * Threads: worker_call() by any; the others by the one that calls accept().
 */
#ifndef TLSPOLICY_WORKER_H
#define TLSPOLICY_WORKER_H

#include <sys/socket.h>

#include "policy/policy.h"

enum { WORKER_WAIT_MS = 20 };

/* How long the wait for connections may be, of `ms`, before it is asked again. */
int worker_wait_ms(int ms) MUST_CHECK;
/* Readable when the wait is to be asked again, -1: by time alone. */
int worker_calls(void) MUST_CHECK;
/* Reads it. */
void worker_called(void);
/* Sessions have waited so long that accept() makes a connection. */
bool worker_wanted(void) MUST_CHECK;
/*
 * The connection that was made, with an address of the listening socket's
 * family; -1: none is wanted.
 */
int worker_connection(int listening, struct sockaddr *, socklen_t *) MUST_CHECK;

/* By libmilter's controller, which gave sessions away: they still wait. */
void worker_call(void);

#endif
