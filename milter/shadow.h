/*
 * shadow.h - the store of a plan, if there is one, beside that in force.
 *
 * The same watch, the same checks and the same owner as the store itself.  What
 * goes wrong with it never shows in an answer: then a message has not been
 * judged by the plan, and its record says so.
 *
 * Threads: any number may ask; one at a time may watch or close.
 */
#ifndef TLSPOLICY_MILTER_SHADOW_H
#define TLSPOLICY_MILTER_SHADOW_H

#include <stdatomic.h>

#include "milter/store-holder.h"

struct shadow {
	struct store_holder holder;
	atomic_bool on; /* there is a file, whether it can be read or not */
};

void shadow_init(struct shadow *) NONNULL;
/* Looks for the plan of the store at this path. */
void shadow_watch(struct shadow *, const char *store) NONNULL;
void shadow_close(struct shadow *) NONNULL;

static inline bool
shadow_is_on(const struct shadow *s)
{
	return atomic_load_explicit(&s->on, memory_order_acquire);
}

#endif
