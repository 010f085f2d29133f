/*
 * patience.h - an end to waiting for a server that is there and says nothing.
 *
 * libldap waits for the messages of a refresh without a limit.  When the time is
 * over the connection is shut down, which it takes for a server that is gone.
 *
 * Threads: one; SIGALRM is taken for it.
 */
#ifndef TLSPOLICY_SYNC_PATIENCE_H
#define TLSPOLICY_SYNC_PATIENCE_H

#include <stdbool.h>
#include <time.h>

struct patience {
	timer_t timer;
	int seconds; /* 0: it could not be begun, and nothing ends the wait */
};

/* Until patience_end(), `fd` stays open. */
bool patience_start(struct patience *, int fd, int seconds);
/* It has said something. */
void patience_again(const struct patience *);
void patience_end(struct patience *);

#endif
