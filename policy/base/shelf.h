/*
 * shelf.h - a place for things that are put aside and taken again, by many
 * threads, without a lock.
 *
 * What was put down by a processor is taken again by the same one as long as
 * that is possible, since it is still in its cache.  What finds no place is
 * the caller's to dispose of.
 *
 * Threads: any number may take and put.  Ownership: whoever takes a thing
 * owns it alone until it is put back.
 */
#ifndef TLSPOLICY_SHELF_H
#define TLSPOLICY_SHELF_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>

enum { SHELF_PLACES = 32, SHELF_LINE = 64 };

struct shelf {
	struct {
		alignas(SHELF_LINE) _Atomic(void *) thing; /* NULL: free */
	} place[SHELF_PLACES];
};

void shelf_init(struct shelf *);
/* NULL: there is none. */
void *shelf_take(struct shelf *);
/* False: no place is free. */
bool shelf_put(struct shelf *, void *);

#endif
