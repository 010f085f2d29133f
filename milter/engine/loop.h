/*
 * loop.h - a thread of our engine: the connections that it accepted, to their
 * end.
 *
 * All loops listen on the same socket, and the kernel wakes one of them for a
 * new connection.  While there are no descriptors each pauses (accept.h); the
 * rest of the process has its spare ones.
 *
 * Threads: the main thread opens, starts and ends loops; loop_wake() any.
 */
#ifndef TLSPOLICY_MILTER_ENGINE_LOOP_H
#define TLSPOLICY_MILTER_ENGINE_LOOP_H

#include <pthread.h>
#include <stdatomic.h>

#include "milter/engine/peer.h"

TAILQ_HEAD(loop_peers, peer);

struct loop {
	const struct context_callbacks *callbacks;
	int listening, epoll, bell; /* bell: rung by other threads */
	bool tcp, listens;	    /* listens: it is in the epoll(7) set */
	int64_t listen_ms;	    /* when the loop listens again; 0: it
				     * does, or left */
	int64_t look_ms;	    /* when idle peers are looked for */
	bool behind;		    /* some woken peers are left */
	struct loop_peers all, again, parked; /* parked: by their time */
	pthread_t thread;
	struct peer_scratch scratch;

	atomic_bool leave, left, end; /* accept no more; done; return */

	pthread_mutex_t lock;
	struct loop_peers woken; /* under the lock */
};

/* False with a fault: out of memory or descriptors. */
bool loop_open(struct loop *, int listening, bool tcp,
    const struct context_callbacks *, struct fault *) MUST_CHECK NONNULL;
bool loop_start(struct loop *, struct fault *) MUST_CHECK NONNULL;

/* Wakes a parked peer of any loop. */
void loop_wake(struct peer *) NONNULL;

/* Tells the loop to accept no more, which it does at once. */
void loop_leave(struct loop *) NONNULL;
void loop_end(struct loop *) NONNULL;

#endif
