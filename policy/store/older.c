#include <stdlib.h>
#include <string.h>

#include "policy/store/check.h"
#include "policy/store/older.h"
#include "policy/store/store-internal.h"

struct old_store {
	const char *path;
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi;
	struct older_info info;
	uint64_t sum; /* of the entries so far */
	struct rulefile *rules;
	struct fault *fault;
};

bool
older_read_info(struct slice value, struct older_info *info)
{
	uint32_t head[2]; /* behind the magic: version, order */
	uint64_t tail[3]; /* txnid, sum, check */
	const char *p = value.p + sizeof FORMAT_MAGIC - 1;

	if (value.n < sizeof FORMAT_MAGIC + sizeof head + sizeof *info ||
	    value.n > FORMAT_INFO_MAX ||
	    memcmp(value.p, FORMAT_MAGIC, sizeof FORMAT_MAGIC - 1) != 0)
		return false;
	memcpy(head, p, sizeof head);
	memcpy(&info->generation, p + sizeof head, sizeof info->generation);
	memcpy(tail, value.p + value.n - sizeof tail, sizeof tail);
	info->version = head[0];
	info->txnid = tail[0];
	info->sum = tail[1];
	return head[1] == FORMAT_ORDER && info->version >= FORMAT_OLDEST &&
	    (info->version < FORMAT_VERSION ||
	    (info->version == FORMAT_VERSION &&
	    value.n != sizeof(struct format_info))) &&
	    tail[2] == format_check(value.p, value.n);
}

static bool
damaged(const struct old_store *o)
{
	return fault_set(o->fault, FAULT_DATA, "%s: damaged (its contents are "
	    "not what was written); remove it and build the store again",
	    o->path);
}

/* Begins to read, when all pages are sound. */
static bool
begin(struct old_store *o)
{
	bool gone;
	int error;

	if (!store_check_file(o->path, o->fault) ||
	    !store_open_env(o->path, MDB_RDONLY, &o->env, o->fault))
		return false;
	error = store_begin_txn(o->env, o->path, MDB_RDONLY, &o->txn);
	if (error == 0)
		error = mdb_dbi_open(o->txn, NULL, 0, &o->dbi);
	if (error != 0)
		return store_lmdb_fault(o->fault, error, o->path);
	if (!store_check_pages(o->path, mdb_txn_id(o->txn), &gone, o->fault))
		return false;
	return !gone || fault_set(o->fault, FAULT_UNAVAILABLE,
	    "%s: written to while it was checked", o->path);
}

static bool
read_info(struct old_store *o, bool *older)
{
	char name[] = { FORMAT_SYSTEM, FORMAT_INFO };
	MDB_val key = { sizeof name, name }, value = { 0, NULL };
	int error = mdb_get(o->txn, o->dbi, &key, &value);
	struct format_info today;
	struct slice bytes;

	if (error != 0 && error != MDB_NOTFOUND)
		return store_lmdb_fault(o->fault, error, o->path);
	bytes = slice_make(value.mv_data, value.mv_size);
	*older = older_read_info(bytes, &o->info);
	return *older || format_read_info(bytes, o->path, &today, o->fault);
}

/* The names of source files stand before all rules, numbered from 0. */
static bool
add_source(struct old_store *o, struct slice name)
{
	struct rulefile *rules = o->rules;
	struct slice copy;

	if (rules->nsources == RULEFILE_SOURCES_MAX)
		return damaged(o);
	copy = arena_copy(&rules->memory, name);
	if (copy.p == NULL)
		return fault_no_memory(o->fault);
	rules->sources[rules->nsources++] = copy;
	return true;
}

static bool
add_rule(struct old_store *o, const struct stored_rule *stored)
{
	struct rulefile *file = o->rules;
	const struct slice key = stored->key, requirement = stored->requirement;
	char *text = arena_bytes(&file->memory, key.n + requirement.n);

	if (text == NULL)
		return fault_no_memory(o->fault);
	if (!rulefile_reserve(file, 1, o->fault))
		return false;
	memcpy(text, key.p, key.n);
	memcpy(text + key.n, requirement.p, requirement.n);
	file->rules[file->n++] = (struct rule){ .key_at = text,
		.key_n = (uint16_t)key.n,
		.requirement_n = (uint16_t)requirement.n,
		.line = stored->line, .source = stored->source,
		.flags = stored->flags };
	return stored->source < file->nsources || damaged(o);
}

static bool
add_entry(struct old_store *o, const MDB_val *key, const MDB_val *value)
{
	struct slice name = slice_make(key->mv_data, key->mv_size);
	struct slice rest = slice_make(value->mv_data, value->mv_size);
	struct stored_rule rule;

	if (format_is(name, FORMAT_INFO) || format_is(name, FORMAT_GENERATION))
		return true;
	o->sum += format_sum(key, value);
	if (format_is(name, FORMAT_SOURCE))
		return add_source(o, rest);
	if (name.n == 0)
		return damaged(o);
	if (name.p[0] == FORMAT_SYSTEM)
		return true;
	while (format_next(&rest, &rule))
		if (!add_rule(o, &rule))
			return false;
	return rest.n == 0 || damaged(o);
}

static bool
add_all(struct old_store *o)
{
	MDB_cursor *cursor;
	MDB_val key, value;
	int error = mdb_cursor_open(o->txn, o->dbi, &cursor);
	bool good = true;

	if (error != 0)
		return store_lmdb_fault(o->fault, error, o->path);
	while (good && (error = mdb_cursor_get(cursor, &key, &value,
	    MDB_NEXT)) == 0)
		good = add_entry(o, &key, &value);
	mdb_cursor_close(cursor);
	if (!good)
		return false;
	if (error != MDB_NOTFOUND)
		return store_lmdb_fault(o->fault, error, o->path);
	return (o->sum == o->info.sum &&
	    o->info.txnid == mdb_txn_id(o->txn)) || damaged(o);
}

bool
older_rules(const char *path, struct rulefile *rules, bool *older,
    struct fault *fault)
{
	struct old_store o = { .path = path, .rules = rules, .fault = fault };
	bool good;

	rulefile_init(rules, NULL, NULL);
	*older = false;
	good = begin(&o) && read_info(&o, older) && (!*older || add_all(&o));
	if (o.txn != NULL)
		mdb_txn_abort(o.txn);
	if (o.env != NULL)
		mdb_env_close(o.env);
	return good;
}
