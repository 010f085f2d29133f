/*
 * handover.h - sessions on their way to a worker of libmilter's.
 *
 * libmilter's controller signals an idle worker for each session that something
 * came for, and its listener for each new one.  Two that are signalled for
 * before the first idle worker woke share it: the second waits until some
 * worker leaves its session.  So a worker may stay with a session that says
 * nothing only while nobody waits for a worker: these are counted here.
 *
 * Threads: any, without locks.
 */
#ifndef TLSPOLICY_HANDOVER_H
#define TLSPOLICY_HANDOVER_H

#include <stdbool.h>

#include "policy/policy.h"

/* Something is there to be read from `fd`: a worker will be found for it. */
void handover_begin(int fd);
/*
 * A worker has the session of `fd`, or it was closed.  Without a begin nothing
 * happens.
 */
void handover_end(int fd);
/* Some session has no worker yet. */
bool handover_waits(void) MUST_CHECK;

/*
 * `fd` is none of a session's, but made to get a worker (worker.h); it waits
 * like the others.  False: too many do, or its number is too large.
 */
bool handover_made(int fd) MUST_CHECK;
enum { HANDOVER_MADE_MAX = 64 };
/* How many sessions wait; and how many of those for whom none was made. */
int handover_sessions(void) MUST_CHECK;
int handover_lacking(void) MUST_CHECK;

#endif
