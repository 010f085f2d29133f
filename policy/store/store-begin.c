/*
 * Reading.
 *
 * MDB_NOTLS: libmilter runs the callbacks of one session on any thread, so a
 * transaction must not be tied to a thread.  Transactions are kept and renewed
 * (10 ns) rather than begun (74 ns and a malloc).
 */
#include <errno.h>
#include <lmdb.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "policy/store/format.h"

void
store_discard(struct store_resting *r)
{
	mdb_txn_abort(r->txn);
	free(r);
}

static int
begin_new(struct store *store, struct store_resting *r)
{
	int error = mdb_txn_begin(store->env, NULL, MDB_RDONLY, &r->txn);

	if (error == MDB_READERS_FULL && store_clear_dead_readers(store) > 0)
		error = mdb_txn_begin(store->env, NULL, MDB_RDONLY, &r->txn);
	return error;
}

static struct store_resting *
make_resting(struct store *store, int *error)
{
	struct store_resting *r = calloc(1, sizeof *r);

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
is_settled(struct store *store, struct store_resting *r, bool waited)
{
	size_t mine = mdb_txn_id(r->txn);
	MDB_envinfo info;

	return mdb_env_info(store->env, &info) == 0 &&
	    (info.me_last_txnid == mine ||
	    (waited && info.me_last_txnid == mine + 1));
}

static int
settle(struct store *store, struct store_resting *r)
{
	enum { TRIES = 1000 };
	int error = 0;

	for (int i = 0; !is_settled(store, r, i > TRIES / 2); i++) {
		mdb_txn_reset(r->txn);
		sched_yield();
		error = i < TRIES ? mdb_txn_renew(r->txn) : EAGAIN;
		if (error != 0)
			break;
	}
	return error;
}

/* A transaction on the newest snapshot; NULL with an error. */
static struct store_resting *
begin(struct store *store, int *error)
{
	struct store_resting *r = pool_take(&store->resting);

	if (r != NULL)
		*error = mdb_txn_renew(r->txn);
	else if ((r = make_resting(store, error)) == NULL)
		return NULL;
	if (*error == 0)
		*error = settle(store, r);
	if (*error == 0)
		return r;
	store_discard(r);
	return NULL;
}

static bool
read_filter(struct store *store, struct store_resting *r, struct fault *fault)
{
	static char name[] = { FORMAT_SYSTEM, FORMAT_FILTER };
	MDB_val key = { sizeof name, name }, value;
	int error = mdb_get(r->txn, store->dbi, &key, &value);

	if (error != 0 && error != MDB_NOTFOUND)
		return store_lmdb_fault(fault, error, store->path);
	return (error == 0 &&
	    filter_read(&r->filter, value.mv_data, value.mv_size)) ||
	    fault_set(fault, FAULT_DATA, "%s: damaged (no filter of its "
	    "keys); build the store again", store->path);
}

/* What the store says of itself is read once for each snapshot. */
static bool
know_info(struct store *store, struct store_resting *r, struct fault *fault)
{
	struct format_info info;

	if (r->snapshot != 0 && r->snapshot == mdb_txn_id(r->txn))
		return true;
	r->snapshot = 0;
	if (!store_read_info(r->txn, store->dbi, store->path, &info, fault) ||
	    !read_filter(store, r, fault))
		return false;
	memset(r->source, 0, sizeof r->source);
	r->info = info.info;
	r->snapshot = mdb_txn_id(r->txn);
	return true;
}

bool
store_begin(struct store *store, struct store_reader *reader,
    struct fault *fault)
{
	struct store_resting *r;
	int error;

	if (!store_is_whole(store, fault))
		return false;
	if ((r = begin(store, &error)) == NULL)
		return store_lmdb_fault(fault, error, store->path);
	reader->store = store;
	reader->txn = r;
	fault_clear(&reader->fault);
	if (!know_info(store, r, fault)) {
		store_end(reader);
		return false;
	}
	reader->info = r->info;
	reader->filter = &r->filter;
	return true;
}

void
store_end(struct store_reader *reader)
{
	struct store_resting *r = reader->txn;

	mdb_txn_reset(r->txn);
	if (!pool_put(&reader->store->resting, r))
		store_discard(r);
}
