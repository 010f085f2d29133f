/*
 * Counting comes before looking: a caller that was counted too early leaves at
 * once, one that was counted too late would be missed.
 */
#include <time.h>

#include "milter/gate.h"

void
gate_init(struct gate *g)
{
	atomic_init(&g->inside, 0);
	atomic_init(&g->closed, false);
}

bool
gate_enter(struct gate *g)
{
	atomic_fetch_add(&g->inside, 1);
	if (!atomic_load(&g->closed))
		return true;
	gate_leave(g);
	return false;
}

void
gate_leave(struct gate *g)
{
	atomic_fetch_sub(&g->inside, 1);
}

bool
gate_close(struct gate *g, int ms)
{
	const struct timespec tick = { 0, 1000000 };

	atomic_store(&g->closed, true);
	for (; atomic_load(&g->inside) > 0 && ms > 0; ms--)
		nanosleep(&tick, NULL);
	return atomic_load(&g->inside) == 0;
}
