/*
 * POSIX has no tdestroy(3); tdelete(3), told that all keys are equal, removes
 * the root, here until there is none.
 */
#include <search.h>
#include <stddef.h>

#include "policy/base/tree.h"

static int
any(const void *a, const void *b)
{
	(void)a;
	(void)b;
	return 0;
}

void
tree_drop(void **tree)
{
	while (*tree != NULL)
		tdelete(NULL, tree, any);
}
