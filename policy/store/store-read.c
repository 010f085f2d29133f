/* Look-ups in a transaction that has begun; see store-begin.c. */
#include <lmdb.h>
#include <string.h>

#include "policy/store/format.h"

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

bool
store_has_tag(const struct store_reader *reader, enum tag tag)
{
	uint32_t any = 0;

	for (int kind = 0; kind < KEY_KIND_COUNT; kind++)
		any |= reader->info.count[tag][kind];
	return any != 0;
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

static struct slice
read_source(struct store_reader *reader, unsigned source)
{
	unsigned char key[] = { FORMAT_SYSTEM, FORMAT_SOURCE,
		(unsigned char)(source >> 8), (unsigned char)source };
	MDB_val value;

	if (get(reader, key, sizeof key, &value) != LOOKUP_FOUND)
		return slice_make("", 0);
	return slice_make(value.mv_data, value.mv_size);
}

struct slice
store_source(struct store_reader *reader, unsigned source)
{
	struct store_resting *r = reader->txn;

	if (source >= FORMAT_SOURCES_KEPT)
		return read_source(reader, source);
	if (r->source[source].p == NULL)
		r->source[source] = read_source(reader, source);
	return r->source[source];
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

static int
each_value(struct store_reader *reader, MDB_cursor *cursor,
    bool (*each)(void *, const struct stored_rule *), void *arg)
{
	unsigned char first = FORMAT_SYSTEM + 1;
	MDB_val key = { 1, &first }, value;
	MDB_cursor_op op = MDB_SET_RANGE;
	bool more = true;
	int error = 0;

	while (more &&
	    (error = mdb_cursor_get(cursor, &key, &value, op)) == 0) {
		if (!each_of_value(reader, &value, each, arg, &more))
			return 0; /* the fault is noted */
		op = MDB_NEXT;
	}
	return error == MDB_NOTFOUND ? 0 : error;
}

bool
store_each(struct store_reader *reader,
    bool (*each)(void *, const struct stored_rule *), void *arg)
{
	struct store_resting *r = reader->txn;
	MDB_cursor *cursor;
	int error = mdb_cursor_open(r->txn, reader->store->dbi, &cursor);

	if (error == 0) {
		error = each_value(reader, cursor, each, arg);
		mdb_cursor_close(cursor);
	}
	if (error != 0)
		return store_lmdb_fault(&reader->fault, error,
		    reader->store->path);
	return reader->fault.kind == FAULT_NONE;
}
