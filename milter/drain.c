/* Closed before it is looked who is inside: nobody comes behind that. */
#include <time.h>

#include "milter/drain.h"

void
drain_init(struct drain *g)
{
	atomic_init(&g->inside, 0);
	atomic_init(&g->closed, false);
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
