/*
 * tree.h - what tsearch(3) leaves to be done.
 *
 * Threads: no state.
 */
#ifndef TLSPOLICY_BASE_TREE_H
#define TLSPOLICY_BASE_TREE_H

/* Frees the nodes of a tree; what they pointed to stays. */
void tree_drop(void **tree);

#endif
