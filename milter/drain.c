/*
 * Counting comes before looking: a caller that was counted too early leaves at
 * once, one that was counted too late would be missed.
 */
#include <time.h>

#include "milter/drain.h"

void
drain_init(struct drain *g)
{
	atomic_init(&g->inside, 0);
	atomic_init(&g->closed, false);
}

bool
drain_enter(struct drain *g)
{
	atomic_fetch_add(&g->inside, 1);
	if (!atomic_load(&g->closed))
		return true;
	drain_leave(g);
	return false;
}

void
drain_leave(struct drain *g)
{
	atomic_fetch_sub(&g->inside, 1);
}

bool
drain_close(struct drain *g, int ms)
{
	const struct timespec tick = { 0, 1000000 };

	atomic_store(&g->closed, true);
	for (; atomic_load(&g->inside) > 0 && ms > 0; ms--)
		nanosleep(&tick, NULL);
	return atomic_load(&g->inside) == 0;
}
