#include "config.h"

#include <sched.h>
#include <stddef.h>

#include "policy/base/shelf.h"

void
shelf_init(struct shelf *s)
{
	for (unsigned i = 0; i < SHELF_PLACES; i++)
		atomic_init(&s->place[i].thing, NULL);
}

/* Where to look first. */
static unsigned
own_place(void)
{
	int processor = sched_getcpu();

	return processor < 0 ? 0 : (unsigned)processor;
}

void *
shelf_take(struct shelf *s)
{
	unsigned own = own_place();

	for (unsigned i = 0; i < SHELF_PLACES; i++) {
		_Atomic(void *) *place =
		    &s->place[(own + i) % SHELF_PLACES].thing;
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
shelf_put(struct shelf *s, void *thing)
{
	unsigned own = own_place();

	for (unsigned i = 0; i < SHELF_PLACES; i++) {
		_Atomic(void *) *place =
		    &s->place[(own + i) % SHELF_PLACES].thing;
		void *free_place = NULL;

		if (atomic_load_explicit(place, memory_order_relaxed) == NULL &&
		    atomic_compare_exchange_strong_explicit(place, &free_place,
		    thing, memory_order_release, memory_order_relaxed))
			return true;
	}
	return false;
}
