/*
 * Reading.
 *
 * MDB_NOTLS: libmilter runs the callbacks of one session on any thread, so a
 * transaction must not be tied to a thread.  Transactions are kept and renewed
 * (10 ns) rather than begun (74 ns and a malloc).
 *
 * Without locks a reader is not seen by writers.  LMDB uses the pages that
 * commit N freed in commit N + 2 at the earliest, and writes them before that
 * commit's header: as long as the newest header is at most one ahead of the
 * reader's snapshot, nothing in that was touched.
 */
#include <sys/stat.h>

#include <errno.h>
#include <lmdb.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "policy/store/store-internal.h"
#include "policy/store/watch.h"

void
store_discard(struct store_txn *r)
{
	mdb_txn_abort(r->txn);
	free(r);
}

static int
begin_new(struct store *store, struct store_txn *r)
{
	int error = store_begin_reader(store, &r->txn);

	if (error == MDB_READERS_FULL && store_clear_dead_readers(store) > 0)
		error = store_begin_reader(store, &r->txn);
	return error;
}

static struct store_txn *
make_txn(struct store *store, int *error)
{
	struct store_txn *r = calloc(1, sizeof *r);

	*error = r == NULL ? ENOMEM : begin_new(store, r);
	if (*error == 0)
		return r;
	free(r);
	return NULL;
}

/*
 * LMDB writes the headers of its snapshots by turns.  A reader that was held
 * up between choosing one and reading it, while two writers committed, has the
 * number of one snapshot and the pages of another.  When the number it got is
 * still the newest, nobody has touched its header.  A writer that was killed
 * behind its header's writing leaves it one ahead, until the next one comes.
 */
static bool
is_stable(struct store *store, struct store_txn *r, bool waited)
{
	size_t mine = mdb_txn_id(r->txn);
	MDB_envinfo info;

	return mdb_env_info(store->env, &info) == 0 &&
	    (info.me_last_txnid == mine ||
	    (waited && info.me_last_txnid == mine + 1));
}

static int
stabilise(struct store *store, struct store_txn *r)
{
	enum { TRIES = 1000 };
	int error = 0;

	for (int i = 0; !is_stable(store, r, i > TRIES / 2); i++) {
		mdb_txn_reset(r->txn);
		sched_yield();
		error = i < TRIES ? mdb_txn_renew(r->txn) : EAGAIN;
		if (error != 0)
			break;
	}
	return error;
}

/* A transaction on the newest snapshot; NULL with an error. */
static struct store_txn *
begin(struct store *store, int *error)
{
	struct store_txn *r = pool_take(&store->idle);

	if (r != NULL)
		*error = mdb_txn_renew(r->txn);
	else if ((r = make_txn(store, error)) == NULL)
		return NULL;
	if (*error == 0)
		*error = stabilise(store, r);
	if (*error == 0)
		return r;
	store_discard(r);
	return NULL;
}

bool
store_is_whole(const struct store *store, size_t *size, struct fault *fault)
{
	mdb_filehandle_t fd;
	struct stat st;

	if (mdb_env_get_fd(store->env, &fd) != 0 || fstat(fd, &st) != 0)
		return fault_errno(fault, FAULT_IO, errno, "%s", store->path);
	*size = (size_t)st.st_size;
	return st.st_size >= store->size || fault_set(fault, FAULT_DATA,
	    "%s: cut off (%lld of %lld bytes)", store->path,
	    (long long)st.st_size, (long long)store->size);
}

bool
store_has_moved_on(const struct store *store, size_t txnid)
{
	MDB_envinfo info;

	if (!store->unlocked)
		return false;
	/*
	 * Keeps the reads of the store in front of the read of the newest
	 * transaction.
	 */
	atomic_thread_fence(memory_order_acquire);
	return mdb_env_info(store->env, &info) != 0 ||
	    info.me_last_txnid > txnid + 1;
}

bool
store_is_overtaken(const struct store_reader *reader)
{
	const struct store_txn *r = reader->txn;

	return store_has_moved_on(reader->store, mdb_txn_id(r->txn));
}

static bool
damaged(struct store *store, const struct store_txn *r, const char *what,
    struct fault *fault)
{
	if (!store_has_moved_on(store, mdb_txn_id(r->txn)))
		store->suspect = true;
	return fault_set(fault, FAULT_DATA, "%s: damaged (%s); build the store "
	    "again", store->path, what);
}

/*
 * Reads the info, and checks that it is of this snapshot and as it was written.
 */
static bool
read_info(struct store *store, struct store_txn *r, size_t size,
    struct fault *fault)
{
	static const char name[] = { FORMAT_SYSTEM, FORMAT_INFO };
	struct slice value;

	if (!snapshot_find(&r->snapshot, store->map, size,
	    mdb_txn_id(r->txn)))
		return damaged(store, r, "no header", fault);
	switch (snapshot_get(&r->snapshot, name, sizeof name, &value)) {
	case LOOKUP_FOUND:
		break;
	case LOOKUP_ABSENT:
		value = slice_make("", 0);
		break;
	default:
		return damaged(store, r, "no info", fault);
	}
	if (!format_read_info(value, store->path, &r->info, fault)) {
		if (!store_has_moved_on(store, mdb_txn_id(r->txn)))
			store->suspect = true;
		return false;
	}
	return (r->info.check == format_check(&r->info, sizeof r->info) &&
	    r->info.txnid == mdb_txn_id(r->txn)) ||
	    damaged(store, r, "what it says of itself", fault);
}

static bool
read_filter(struct store *store, struct store_txn *r, struct fault *fault)
{
	static const char name[] = { FORMAT_SYSTEM, FORMAT_FILTER };
	struct slice value;

	return (snapshot_get(&r->snapshot, name, sizeof name, &value) ==
	    LOOKUP_FOUND && filter_read(&r->filter, &r->info.filter, value.p,
	    value.n)) ||
	    damaged(store, r, "no filter of its keys", fault);
}

/* Reads info and filter, unless `r` has those of this snapshot already. */
static bool
load_snapshot(struct store *store, struct store_txn *r, size_t size,
    struct fault *fault)
{
	bool known = r->txnid != 0 && r->txnid == mdb_txn_id(r->txn);

	if (known && size >= r->snapshot.size)
		return true;
	/* A commit after opening may have made the file longer. */
	if (!store_is_whole(store, &size, fault))
		return false;
	if (known)
		return size >= r->snapshot.size ||
		    damaged(store, r, "cut off", fault);
	r->txnid = 0;
	if (!read_info(store, r, size, fault) || !read_filter(store, r, fault))
		return false;
	memset(r->source, 0, sizeof r->source);
	r->policy_read = false;
	r->txnid = mdb_txn_id(r->txn);
	return true;
}

/* False, too, when two commits have gone over what was being read. */
static bool
is_still_newest(struct store *store, const struct store_txn *r)
{
	MDB_envinfo info;

	return mdb_env_info(store->env, &info) == 0 &&
	    info.me_last_txnid <= mdb_txn_id(r->txn);
}

static void
put_back(struct store *store, struct store_txn *r)
{
	mdb_txn_reset(r->txn);
	if (!pool_put(&store->idle, r))
		store_discard(r);
}

bool
store_begin(struct store *store, struct store_reader *reader,
    struct fault *fault)
{
	struct store_txn *r;
	size_t size;
	int error;

	while ((r = store->uncommitted) == NULL) {
		bool newest;

		if (!store_is_whole(store, &size, fault))
			return false;
		if ((r = begin(store, &error)) == NULL)
			return store_lmdb_fault(fault, error, store->path);
		if (load_snapshot(store, r, size, fault))
			break;
		newest = is_still_newest(store, r);
		put_back(store, r);
		if (newest)
			return false;
	}
	reader->store = store;
	reader->txn = r;
	fault_clear(&reader->fault);
	reader->info = r->info.info;
	reader->policy = r->policy_read ? r->policy : NULL;
	reader->filter = &r->filter;
	return true;
}

void
store_end(struct store_reader *reader)
{
	if (reader->txn != reader->store->uncommitted)
		put_back(reader->store, reader->txn);
}
