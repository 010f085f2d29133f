/*
 * chains.h - the files of one or more logs, each verified as a chain of its own.
 *
 * Files come in any order.  One belongs to the chain whose head its link names;
 * if there is none, to the chain that has records of the same node, and what is
 * missing between them shows; else it begins another.  A file that has no
 * records goes to the only chain there is.
 *
 * Threads: belongs to one thread.
 */
#ifndef TLSPOLICY_CHAINS_H
#define TLSPOLICY_CHAINS_H

#include "policy/audit/verify.h"

struct chains {
	struct verification *list; /* kind tells which are broken */
	size_t n;
	bool alone; /* the files are of one node, as far as they tell */
	size_t lines;		   /* of all so far, for progress_start() */
	/* Files that could not be read, or not to their end; of the first. */
	uint64_t unread;
	enum fault_kind unread_kind;
	/*
	 * Files without a byte, which are new, or were cut to nothing: no file
	 * that is linked to one tells.  Their names are those of `paths`.
	 */
	const char **empty;
	size_t nempty;
};

/*
 * `model` has the keys, the callbacks, the checkpoints and what is asked for.  A file that cannot
 * be opened is told by `unreadable` and left out; one that cannot be read to its
 * end leaves its chain at BREAK_UNREAD, there.  False with a fault: it is the
 * only file, or memory ran out.
 */
bool chains_verify(struct chains *, const struct verification *model,
    void (*unreadable)(const struct fault *), char *const *paths, size_t n,
    struct fault *) MUST_CHECK NONNULL;
void chains_free(struct chains *) NONNULL;

#endif
