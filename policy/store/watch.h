/*
 * watch.h - for a process that keeps a store open: is the file still there, is
 * it the same, is it sound; and how another one takes its place.
 *
 * Threads: any may call these, but each store is closed by one, when no other
 * uses it.
 */
#ifndef TLSPOLICY_WATCH_H
#define TLSPOLICY_WATCH_H

#include <sys/types.h>

#include "policy/store/store.h"

/*
 * Opening in two steps, of which the first takes long: the process may have
 * another store open at this path meanwhile.  What another program wrote in
 * between is looked at again.
 *
 * Such a store has nothing to do with the lock file, which whoever is in its
 * group may hold for ever.  Writers do not see its readers: what was read
 * counts only if store_is_overtaken() says no after it, else all is to be
 * asked again.  `seen` may be NULL.
 */
struct store_seen {
	dev_t dev;
	ino_t ino;
	uint64_t txnid;
};
bool store_look(const char *path, struct store_seen *, struct fault *)
    MUST_CHECK NONNULL;
struct store *store_open_unlocked(const char *path, const struct store_seen *,
    struct fault *) MUST_CHECK;
bool store_is_overtaken(const struct store_reader *) MUST_CHECK NONNULL;

/*
 * Is the file at the store's path still the one that is open, and its lock
 * file, if it has to do with that?  Cheap enough for once a second.  False also
 * when it is gone or has been cut off.
 */
bool store_is_current(const struct store *) NONNULL;

/*
 * For a handler of SIGBUS: a page of the file that is not there, since somebody
 * cut the file off this moment, or that the disk does not give, is zeros from
 * now on, which no look-up believes.  False: the address is not this store's.
 * Only calls that signal-safety(7) would allow.
 */
bool store_lose_page(struct store *, const void *address);
/* Has a look-up met damage? */
bool store_is_suspect(const struct store *) NONNULL;
/* All that store_open() looks at, again. */
bool store_verify(struct store *, struct fault *) MUST_CHECK NONNULL;

#endif
