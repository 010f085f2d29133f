/*
 * pool.h - a place for things that are put aside and taken again, by many
 * threads, without a lock.
 *
 * What was put down by a processor is taken again by the same one as long as
 * that is possible, since it is still in its cache.  What finds no place is
 * the caller's to dispose of.
 *
 * Threads: any number may take and put.  Ownership: whoever takes a thing
 * owns it alone until it is put back.
 */
#ifndef TLSPOLICY_BASE_POOL_H
#define TLSPOLICY_BASE_POOL_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "policy/base/attribute.h"

enum { POOL_PLACES = 32, POOL_LINE = 64 };

struct pool {
	struct {
		alignas(POOL_LINE) _Atomic(void *) thing; /* NULL: free */
	} place[POOL_PLACES];
};

void pool_init(struct pool *) NONNULL;
/* NULL: there is none. */
void *pool_take(struct pool *);
/* False: no place is free. */
bool pool_put(struct pool *, void *);

#endif
