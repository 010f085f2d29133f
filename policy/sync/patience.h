/*
 * patience.h - an end to waiting for a server that is there and says nothing.
 *
 * libldap, and the library that it has for TLS, may read a message that has begun
 * without a limit.  When the time is over the connection is shut down, which it
 * takes for a server that is gone.
 *
 * Threads: one; SIGALRM is taken for it.
 */
#ifndef TLSPOLICY_SYNC_PATIENCE_H
#define TLSPOLICY_SYNC_PATIENCE_H

#include <signal.h>
#include <stdbool.h>
#include <time.h>

struct patience {
	timer_t timer;
	int fd, seconds;
	bool begun; /* else nothing ends a wait */
	volatile sig_atomic_t left; /* seconds; 0: it rests */
};

/* Until patience_end(), `fd` stays open.  The time begins. */
bool patience_start(struct patience *, int fd, int seconds);
/* The server has answered, or is asked: the time begins anew. */
void patience_again(struct patience *);
/* The server is not expected to say anything. */
void patience_rest(struct patience *);
void patience_end(struct patience *);

#endif
