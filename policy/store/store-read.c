/*
 * Reading.
 *
 * MDB_NOTLS: libmilter runs the callbacks of one session on any thread, so a
 * transaction must not be tied to a thread.  Transactions are kept and renewed
 * (10 ns) rather than begun (74 ns and a malloc); a short mutex guards the
 * list of those that rest.
 */
#include <errno.h>
#include <lmdb.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "policy/store/format.h"

static struct store_resting *
take_resting(struct store *store)
{
	struct store_resting *r;

	pthread_mutex_lock(&store->lock);
	if ((r = store->resting) != NULL)
		store->resting = r->next;
	pthread_mutex_unlock(&store->lock);
	return r;
}

static int
renew(struct store_resting *r)
{
	int error = mdb_txn_renew(r->txn);

	return error != 0 ? error : mdb_cursor_renew(r->txn, r->cursor);
}

static void
discard(struct store_resting *r)
{
	mdb_cursor_close(r->cursor);
	mdb_txn_abort(r->txn);
	free(r);
}

static int
begin_new(struct store *store, struct store_resting *r)
{
	int error = mdb_txn_begin(store->env, NULL, MDB_RDONLY, &r->txn);

	if (error == MDB_READERS_FULL && store_clear_dead_readers(store) > 0)
		error = mdb_txn_begin(store->env, NULL, MDB_RDONLY, &r->txn);
	if (error != 0)
		return error;
	error = mdb_cursor_open(r->txn, store->dbi, &r->cursor);
	if (error != 0)
		mdb_txn_abort(r->txn);
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
		error = i < TRIES ? renew(r) : EAGAIN;
		if (error != 0)
			break;
	}
	return error;
}

/* A transaction on the newest snapshot; NULL with an error. */
static struct store_resting *
begin(struct store *store, int *error)
{
	struct store_resting *r = take_resting(store);

	if (r != NULL)
		*error = renew(r);
	else if ((r = make_resting(store, error)) == NULL)
		return NULL;
	if (*error == 0)
		*error = settle(store, r);
	if (*error == 0)
		return r;
	discard(r);
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
	reader->cursor = r->cursor;
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
	struct store *store = reader->store;
	struct store_resting *r = reader->txn;

	mdb_txn_reset(r->txn);
	pthread_mutex_lock(&store->lock);
	r->next = store->resting;
	store->resting = r;
	pthread_mutex_unlock(&store->lock);
}

static enum lookup_result
get(struct store_reader *reader, const void *bytes, size_t n, MDB_val *value)
{
	MDB_val key = { n, (void *)(uintptr_t)bytes };
	struct store_resting *r = reader->txn;
	int error = mdb_get(r->txn, reader->store->dbi, &key, value);

	if (error == 0)
		return LOOKUP_FOUND;
	if (error == MDB_NOTFOUND)
		return LOOKUP_ABSENT;
	store_lmdb_fault(&reader->fault, error, reader->store->path);
	return LOOKUP_FAILED;
}

bool
store_has_kind(const struct store_reader *reader, enum tag tag,
    enum key_kind kind)
{
	return reader->info.count[tag][kind] != 0;
}

enum lookup_result
store_get_hashed(struct store_reader *reader, const unsigned char *key,
    size_t n, uint64_t hash, struct stored_rules *rules)
{
	enum lookup_result result;
	MDB_val value;

	if (!filter_may_hold(reader->filter, hash))
		return LOOKUP_ABSENT;
	result = get(reader, key, n, &value);
	if (result == LOOKUP_FOUND)
		rules->rest = slice_make(value.mv_data, value.mv_size);
	return result;
}

enum lookup_result
store_get(struct store_reader *reader, const struct key *key,
    struct stored_rules *rules)
{
	if (!store_has_kind(reader, key->tag, key->kind))
		return LOOKUP_ABSENT;
	return store_get_hashed(reader, key->bytes, key->n,
	    filter_hash(key->bytes, key->n), rules);
}

bool
store_next(struct store_reader *reader, struct stored_rules *rules,
    struct stored_rule *rule)
{
	struct slice rest = rules->rest;
	struct format_record record;

	if (rest.n == 0)
		return false;
	if (rest.n >= sizeof record) {
		memcpy(&record, rest.p, sizeof record);
		rest = slice_from(rest, sizeof record);
		if (rest.n >= (size_t)record.key_length +
		    record.requirement_length) {
			rule->key = slice_make(rest.p, record.key_length);
			rest = slice_from(rest, record.key_length);
			rule->requirement = slice_make(rest.p,
			    record.requirement_length);
			rules->rest = slice_from(rest,
			    record.requirement_length);
			rule->line = record.line;
			rule->source = record.source;
			rule->flags = record.flags;
			return true;
		}
	}
	rules->rest.n = 0;
	return fault_set(&reader->fault, FAULT_DATA,
	    "%s: a damaged record; build the store again",
	    reader->store->path);
}

enum lookup_result
store_suites(struct store_reader *reader, struct slice list,
    const uint16_t **ids, size_t *n)
{
	unsigned char key[KEY_MAX];
	enum lookup_result result;
	MDB_val value;

	if (list.n > KEY_TEXT_MAX)
		return LOOKUP_ABSENT;
	result = get(reader, key, format_list_key(list, key), &value);
	if (result == LOOKUP_FOUND) {
		*ids = value.mv_data; /* aligned: see format_list_key() */
		*n = value.mv_size / sizeof **ids;
	}
	return result;
}

struct slice
store_source(struct store_reader *reader, unsigned source)
{
	unsigned char key[] = { FORMAT_SYSTEM, FORMAT_SOURCE,
		(unsigned char)(source >> 8), (unsigned char)source };
	MDB_val value;

	if (get(reader, key, sizeof key, &value) != LOOKUP_FOUND)
		return slice_make("", 0);
	return slice_make(value.mv_data, value.mv_size);
}

static bool
each_of_value(struct store_reader *reader, const MDB_val *value,
    bool (*each)(void *, const struct stored_rule *), void *arg, bool *more)
{
	struct stored_rules rules;
	struct stored_rule rule;

	rules.rest = slice_make(value->mv_data, value->mv_size);
	while (*more && store_next(reader, &rules, &rule))
		*more = each(arg, &rule);
	return reader->fault.kind == FAULT_NONE;
}

bool
store_each(struct store_reader *reader,
    bool (*each)(void *, const struct stored_rule *), void *arg)
{
	unsigned char first = FORMAT_SYSTEM + 1;
	MDB_val key = { 1, &first }, value;
	MDB_cursor_op op = MDB_SET_RANGE;
	bool more = true;
	int error = 0;

	while (more &&
	    (error = mdb_cursor_get(reader->cursor, &key, &value, op)) == 0) {
		if (!each_of_value(reader, &value, each, arg, &more))
			return false;
		op = MDB_NEXT;
	}
	if (error == 0 || error == MDB_NOTFOUND)
		return true;
	return store_lmdb_fault(&reader->fault, error, reader->store->path);
}
