/*
 * drain.h - who is inside a callback, so that the daemon can stop.
 *
 * libmilter neither waits for running callbacks nor stops calling new ones
 * when it is told to end.  Each callback enters and leaves; when the drain is
 * closed nobody enters any more, and whoever closed it waits for those inside.
 *
 * Threads: any.
 */
#ifndef TLSPOLICY_MILTER_DRAIN_H
#define TLSPOLICY_MILTER_DRAIN_H

#include <stdatomic.h>
#include <stdbool.h>

#include "policy/policy.h"

struct drain {
	atomic_int inside;
	atomic_bool closed;
};

void drain_init(struct drain *) NONNULL;

static inline void
drain_leave(struct drain *d)
{
	atomic_fetch_sub(&d->inside, 1);
}

/*
 * False: closed; the caller is not inside and must not leave.  Counted before
 * it looks: who was counted too early leaves at once, who was counted too late
 * would be missed.
 */
static inline bool
drain_enter(struct drain *d)
{
	atomic_fetch_add(&d->inside, 1);
	if (!atomic_load(&d->closed))
		return true;
	drain_leave(d);
	return false;
}

/* False: somebody was still inside after `ms` milliseconds. */
bool drain_close(struct drain *, int ms) MUST_CHECK;

#endif
