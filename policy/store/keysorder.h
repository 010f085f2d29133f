/*
 * keysorder.h - the keys of one of LMDB's trees, as a walk from its left meets
 * them; only for the files of policy/store.
 *
 * A key that is there twice, or lies where no search comes to, is none that a
 * writer can replace, though each page be in order.
 */
#ifndef TLSPOLICY_KEYSORDER_H
#define TLSPOLICY_KEYSORDER_H

#include <stdbool.h>

#include "policy/base/attribute.h"
#include "policy/base/slice.h"

struct keysorder {
	bool numbers;	    /* of commits, as in the free list; else bytes */
	struct slice last;  /* the last key of the leaves so far; p NULL:
			     * none */
	struct slice least; /* the least key that may come next; p NULL: any */
};

void keysorder_init(struct keysorder *, bool numbers) NONNULL;
/*
 * A key of a leaf, or one between two children of a branch: above all to its
 * left, and not above any to its right.  It must outlive the walk.
 */
bool keysorder_next(struct keysorder *, struct slice key, bool leaf) MUST_CHECK
    NONNULL;

#endif
