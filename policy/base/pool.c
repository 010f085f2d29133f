#include "config.h"

#include <sched.h>
#include <stddef.h>

#include "policy/base/pool.h"

void
pool_init(struct pool *s)
{
	for (unsigned i = 0; i < POOL_PLACES; i++)
		atomic_init(&s->place[i].thing, NULL);
}

/* The place to look at first: spreads threads over the places. */
static unsigned
own_place(void)
{
	int processor = sched_getcpu();

	return processor < 0 ? 0 : (unsigned)processor;
}

void *
pool_take(struct pool *s)
{
	unsigned own = own_place();

	for (unsigned i = 0; i < POOL_PLACES; i++) {
		_Atomic(void *) *place =
		    &s->place[(own + i) % POOL_PLACES].thing;
		void *thing = NULL;

		if (atomic_load_explicit(place, memory_order_relaxed) != NULL)
			thing = atomic_exchange_explicit(place, NULL,
			    memory_order_acquire);
		if (thing != NULL)
			return thing;
	}
	return NULL;
}

bool
pool_put(struct pool *s, void *thing)
{
	unsigned own = own_place();

	for (unsigned i = 0; i < POOL_PLACES; i++) {
		_Atomic(void *) *place =
		    &s->place[(own + i) % POOL_PLACES].thing;
		void *free_place = NULL;

		if (atomic_load_explicit(place, memory_order_relaxed) == NULL &&
		    atomic_compare_exchange_strong_explicit(place, &free_place,
		    thing, memory_order_release, memory_order_relaxed))
			return true;
	}
	return false;
}
