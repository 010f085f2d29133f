/*
 * store-holder.h - the open store, for all threads, and its coming and going.
 *
 * A new generation needs nothing from here: the next read transaction sees it.
 * This is for the file itself: not there yet, replaced by another one, gone,
 * unreadable, damaged.  A watch looks once a second and opens what is there,
 * while the old one goes on judging; each change of state is logged once.
 * While there is no usable store every question ends as a policy error.
 *
 * Threads: any number may read; one at a time may watch or close.
 */
#ifndef TLSPOLICY_STORE_HOLDER_H
#define TLSPOLICY_STORE_HOLDER_H

#include <pthread.h>

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
};

/* As STORE_HOLDER_LIVE. */
void store_holder_init(struct store_holder *) NONNULL;
/* Open `path` if what is open is not that file.  True: there is a store. */
bool store_holder_watch(struct store_holder *, const char *path) NONNULL;
/* A watch may open it again. */
void store_holder_close(struct store_holder *);

/*
 * Calls `ask` with a reader, under which the store stays open, once more
 * whenever so many commits came meanwhile that what it read may be none of
 * theirs; its last call counts.  False with the reason in *why: there is no
 * store that can be read, or no end of commits.
 */
bool store_holder_ask(struct store_holder *,
    void (*ask)(void *arg, struct store_reader *), void *arg, struct fault *why)
    MUST_CHECK;

#endif
