/*
 * store-holder.h - the open store, for all threads, and its coming and going.
 *
 * A new generation needs nothing from here: the next read transaction sees it.
 * This is for the file itself: not there yet, replaced by another one, gone,
 * unreadable, damaged.  A watch looks once a second and opens what is there,
 * while the old one goes on judging; each change of state is logged once.
 * While there is no usable store every question ends as a policy error.
 *
 * The store of a plan, where there is one, is held beside that in force: by the
 * same watch, the same checks, for the same owner.  What goes wrong with it never
 * shows in an answer: then a message has not been judged by the plan, and its
 * record says so.
 *
 * Threads: any number may read; one at a time may watch or close.
 */
#ifndef TLSPOLICY_STORE_HOLDER_H
#define TLSPOLICY_STORE_HOLDER_H

#include <pthread.h>
#include <stdatomic.h>

#include "policy/policy.h"

/* Holders of a process: one of each at most. */
enum store_holder_slot {
	STORE_HOLDER_LIVE,
	STORE_HOLDER_PLAN,
	STORE_HOLDER_SLOTS
};

struct store_holder {
	pthread_rwlock_t lock;
	struct store *store; /* NULL: none could be opened, `why` says why */
	struct fault why;
	bool was_told;	     /* `why` has been logged */
	int64_t walk_at;     /* when store_verify() is due, in seconds */
	unsigned opened;     /* times: another file each */
	enum store_holder_slot slot;
	atomic_bool planned; /* a plan's file is there, readable or not */
};

void store_holder_init(struct store_holder *, enum store_holder_slot) NONNULL;
/* Open `path` if what is open is not that file.  True: there is a store. */
bool store_holder_watch(struct store_holder *, const char *path) NONNULL;
/* Looks for the plan of the store at this path. */
void store_holder_watch_plan(struct store_holder *, const char *store) NONNULL;

/* Without a plan a callback pays for this look at a bool. */
static inline bool
store_holder_has_plan(const struct store_holder *h)
{
	return atomic_load_explicit(&h->planned, memory_order_acquire);
}

/* A watch may open it again. */
void store_holder_close(struct store_holder *);

/*
 * A reader, under which the store stays open until store_holder_end() says
 * whether what was read holds.  False: so many commits came meanwhile that it
 * may be none of theirs, and all is to be read once more:
 *
 *	unsigned tries = 0;
 *	bool read = false;
 *
 *	while (!read && store_holder_begin(h, &tries, &reader, &why)) {
 *		...
 *		read = store_holder_end(h, &reader);
 *	}
 *
 * Not read, with the reason in `why`: there is no store that can be read, or
 * no end of commits.  Between the two nothing else is waited for.
 */
bool store_holder_begin(struct store_holder *, unsigned *tries,
    struct store_reader *, struct fault *why) MUST_CHECK NONNULL;
bool store_holder_end(struct store_holder *, struct store_reader *)
    MUST_CHECK NONNULL;

#endif
