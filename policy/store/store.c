/*
 * Opening, and what is looked at before a file is trusted.
 */
#include <sys/mman.h>
#include <sys/stat.h>

#include <errno.h>
#include <lmdb.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy/base/folder.h"
#include "policy/store/check.h"
#include "policy/store/store-internal.h"
#include "policy/store/watch.h"

static int
stat_lock(const char *path, struct stat *st)
{
	char name[4096];

	snprintf(name, sizeof name, "%s-lock", path);
	return stat(name, st);
}

static bool
remember_file(struct store *store, struct fault *fault)
{
	mdb_filehandle_t fd;
	struct stat st, lock;

	memset(&lock, 0, sizeof lock);
	if (mdb_env_get_fd(store->env, &fd) != 0 || fstat(fd, &st) != 0 ||
	    (!store->unlocked && stat_lock(store->path, &lock) != 0))
		return fault_errno(fault, FAULT_IO, errno, "%s", store->path);
	store->dev = st.st_dev;
	store->ino = st.st_ino;
	store->size = st.st_size;
	store->lock_ino = lock.st_ino;
	return true;
}

static bool
map_store(struct store *store, struct fault *fault)
{
	mdb_filehandle_t fd;
	void *map = MAP_FAILED;

	if (mdb_env_get_fd(store->env, &fd) == 0)
		map = mmap(NULL, FORMAT_MAP_SIZE, PROT_READ,
		    MAP_SHARED | MAP_NORESERVE, fd, 0);
	if (map == MAP_FAILED)
		return fault_errno(fault, FAULT_IO, errno, "%s", store->path);
	store->map = map;
	return true;
}

/*
 * Looks at all of the newest snapshot, but not again at what was `seen`
 * already.
 */
static bool
look_at_snapshot(struct store *store, const struct store_seen *seen,
    bool *gone, struct fault *fault)
{
	MDB_txn *txn;
	bool good = true;
	size_t size;
	int error;

	error = store_begin_reader(store, &txn);
	if (error != 0)
		return store_lmdb_fault(fault, error, store->path);
	*gone = false;
	if (seen == NULL || seen->txnid == 0 || seen->dev != store->dev ||
	    seen->ino != store->ino || seen->txnid != mdb_txn_id(txn))
		good = store_is_whole(store, &size, fault) &&
		    store_check_mapped(store->path, store->map, size,
		    mdb_txn_id(txn), gone, fault);
	if (!good && store_has_moved_on(store, mdb_txn_id(txn)))
		good = *gone = true;
	mdb_txn_abort(txn);
	return good;
}

static bool
look(struct store *store, const struct store_seen *seen, struct fault *fault)
{
	enum { TRIES = 100 };
	bool gone = true;

	for (int i = 0; gone && i < TRIES; i++)
		if (!look_at_snapshot(store, seen, &gone, fault))
			return false;
	return !gone || fault_set(fault, FAULT_UNAVAILABLE,
	    "%s: written too often to be checked", store->path);
}

/* Looks again when a writer may have reused the pages looked at. */
bool
store_look(const char *path, struct store_seen *seen, struct fault *fault)
{
	enum { TRIES = 3 };
	uint64_t now;

	for (int i = 0; i < TRIES; i++) {
		struct stat st;
		bool good;

		if (stat(path, &st) != 0)
			return errno == ENOENT ?
			    store_lmdb_fault(fault, errno, path) :
			    fault_errno(fault, FAULT_NOINPUT, errno, "%s",
			    path);
		*seen = (struct store_seen){ .dev = st.st_dev,
			.ino = st.st_ino };
		good = store_check_newest(path, &seen->txnid, fault);
		if (!store_check_number(path, &now, fault))
			return false;
		if (now == seen->txnid)
			return good;
	}
	memset(seen, 0, sizeof *seen); /* looked at when it is opened */
	return true;
}

static struct store *
open_store(const char *path, bool unlocked, bool all,
    const struct store_seen *seen, struct fault *fault)
{
	struct store *store;

	if (!folder_is_ours(path, fault) || !store_check_file(path, fault))
		return NULL;
	/* Its pool has lines of a processor's cache, which malloc(3) does not. */
	store = aligned_alloc(alignof(struct store), sizeof *store);
	if (store != NULL)
		memset(store, 0, sizeof *store);
	if (store == NULL || (store->path = strdup(path)) == NULL) {
		free(store);
		fault_no_memory(fault);
		return NULL;
	}
	pool_init(&store->idle);
	store->unlocked = unlocked;
	if (!store_open_env(path, MDB_RDONLY | (unlocked ? MDB_NOLOCK : 0),
	    &store->env, fault))
		store->env = NULL;
	if (store->env == NULL || !remember_file(store, fault) ||
	    !map_store(store, fault) || (all && !look(store, seen, fault))) {
		store_close(store);
		return NULL;
	}
	return store;
}

struct store *
store_open(const char *path, struct fault *fault)
{
	return open_store(path, false, true, NULL, fault);
}

/* Ten million rules have a gigabyte of pages, and a look-up meets a few. */
struct store *
store_open_for_keys(const char *path, struct fault *fault)
{
	struct store *store = open_store(path, false, false, NULL, fault);

	if (store != NULL)
		store->not_looked_at = true;
	return store;
}

struct store *
store_open_unlocked(const char *path, const struct store_seen *seen,
    struct fault *fault)
{
	return open_store(path, true, true, seen, fault);
}

bool
store_lose_page(struct store *store, const void *address)
{
	size_t at = (size_t)((uintptr_t)address - (uintptr_t)store->map);
	size_t page = (size_t)getpagesize();

	if (store->map == NULL || at >= FORMAT_MAP_SIZE)
		return false;
	store->suspect = true;
	return mmap((void *)((uintptr_t)store->map + at / page * page), page,
	    PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) !=
	    MAP_FAILED;
}

bool
store_is_suspect(const struct store *store)
{
	return store->suspect;
}

bool
store_verify(struct store *store, struct fault *fault)
{
	return look(store, NULL, fault);
}

void
store_close(struct store *store)
{
	struct store_txn *r;

	if (store == NULL)
		return;
	while ((r = pool_take(&store->idle)) != NULL)
		store_discard(r);
	if (store->map != NULL)
		munmap((void *)(uintptr_t)store->map, FORMAT_MAP_SIZE);
	if (store->env != NULL)
		mdb_env_close(store->env);
	free(store->path);
	free(store);
}

const char *
store_path(const struct store *store)
{
	return store->path;
}

/*
 * A writer that found no lock file has made one, and neither sees our readers
 * there nor tells them of its commits.  While there is none, nobody writes.
 */
bool
store_is_current(const struct store *store)
{
	struct stat st, lock;

	return stat(store->path, &st) == 0 && st.st_dev == store->dev &&
	    st.st_ino == store->ino && st.st_size >= store->size &&
	    (store->unlocked || stat_lock(store->path, &lock) != 0 ||
	    lock.st_ino == store->lock_ino);
}
