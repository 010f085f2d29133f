/*
 * resolver.h - asks another socketmap, a resolver of MTA-STS or DANE.
 *
 * One question is under way on a connection at a time, on at most
 * RESOLVER_LINKS_MAX connections; further ones wait for a free one.  Each has
 * RESOLVER_S seconds from being asked to its answer, and is asked once more
 * where a connection that had rested ends without a word.
 *
 * Whatever comes back that is not one netstring of at most NETSTRING_MAX bytes
 * ends the connection and is a failure.
 *
 * Threads: that of the event loop only.
 */
#ifndef TLSPOLICY_MILTER_SOCKETMAP_RESOLVER_H
#define TLSPOLICY_MILTER_SOCKETMAP_RESOLVER_H

#include <event2/event.h>

#include "milter/daemon.h"

enum { RESOLVER_LINKS_MAX = 16, RESOLVER_S = 20 };

struct resolver;
struct resolver_question;

/* `setting`: "ADDRESS NAME".  Connects when it is asked.  NULL with a fault. */
struct resolver *resolver_new(struct daemon *, struct event_base *,
    const char *setting, struct fault *) MUST_CHECK;
/* All questions have been answered or cancelled.  NULL does nothing. */
void resolver_free(struct resolver *);

/*
 * `done` is called once, later, by the event loop: with the reply, or with
 * `why` there is none.  The question is gone then; the reply lives for the call.
 * NULL: there is no memory, nothing is called.
 */
typedef void resolver_done(void *arg, struct slice reply, const char *why);
struct resolver_question *resolver_ask(struct resolver *, struct slice key,
    resolver_done *done, void *arg);
void resolver_cancel(struct resolver_question *);

#endif
