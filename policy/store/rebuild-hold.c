/*
 * What is about to be committed, as a store: the writer's own transaction is read,
 * so that no copy of all rules has to be made, and nobody else ever sees what is
 * given up.
 */
#include <lmdb.h>
#include <string.h>

#include "policy/store/rebuild.h"
#include "policy/store/rebuild-internal.h"

static bool
read_filter(struct writing *w, struct store_txn *txn)
{
	static const char name[] = { FORMAT_SYSTEM, FORMAT_FILTER };
	struct slice value;

	if (snapshot_get(&txn->snapshot, name, sizeof name, &value) ==
	    LOOKUP_FOUND && filter_read(&txn->filter, &w->info.filter, value.p,
	    value.n))
		return true;
	return fault_set(w->fault, FAULT_DATA, "%s: damaged (no filter of its "
	    "keys); remove it and build the store again", w->path);
}

bool
writing_holds(struct writing *w)
{
	const struct synced_change *change = w->change;
	struct store_txn txn;
	struct store store;

	if (change == NULL || change->holds == NULL)
		return true;
	memset(&txn, 0, sizeof txn);
	memset(&store, 0, sizeof store);
	snapshot_of_writer(&txn.snapshot, w->txn, w->dbi);
	txn.txn = w->txn;
	txn.info = w->info;
	pool_init(&store.idle);
	store.path = (char *)(uintptr_t)w->path;
	store.uncommitted = &txn;
	return read_filter(w, &txn) && change->holds(change->arg, &store,
	    w->fault);
}
