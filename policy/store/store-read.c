/* Look-ups in a transaction that has begun; see store-begin.c. */
#include <lmdb.h>
#include <string.h>

#include "policy/store/inside.h"
#include "policy/store/watch.h"

enum lookup_result
store_damaged(struct store_reader *reader, const char *what)
{
	/*
	 * A reader that a commit overtook has read reused pages: no damage, it
	 * asks again.
	 */
	if (!store_is_overtaken(reader))
		reader->store->suspect = true;
	fault_set(&reader->fault, FAULT_DATA, "%s: damaged (%s); build the "
	    "store again", reader->store->path, what);
	return LOOKUP_FAILED;
}

enum lookup_result
store_vouch(struct store_reader *reader, const void *key, size_t n,
    uint32_t check, struct slice value)
{
	MDB_val k = { n, (void *)(uintptr_t)key };
	MDB_val v = { value.n, (void *)(uintptr_t)value.p };

	return filter_vouches(check, format_sum(&k, &v)) ? LOOKUP_FOUND :
	    store_damaged(reader, "a rule is not what was written");
}

enum lookup_result
store_fetch(struct store_reader *reader, const void *key, size_t n,
    uint32_t check, struct slice *value)
{
	struct store_txn *r = reader->txn;

	if (snapshot_get(&r->snapshot, key, n, value) != LOOKUP_FOUND)
		return store_damaged(reader, "a rule is not in its place");
	return store_vouch(reader, key, n, check, *value);
}

static enum lookup_result
find(struct store_reader *reader, const unsigned char *key, size_t n,
    uint32_t *check)
{
	enum lookup_result result = filter_find(reader->filter,
	    filter_hash(reader->filter->head.salt, key, n), check);

	return result == LOOKUP_FAILED ?
	    store_damaged(reader, "its filter") : result;
}

enum lookup_result
store_own(struct store_reader *reader, const unsigned char *key, size_t n,
    struct slice *value)
{
	uint32_t check;
	enum lookup_result result = find(reader, key, n, &check);

	return result == LOOKUP_FOUND ?
	    store_fetch(reader, key, n, check, value) : result;
}

bool
store_has_kind(const struct store_reader *reader, enum tag tag,
    enum key_kind kind)
{
	return reader->info.count[tag][kind] != 0;
}

uint64_t
store_count(const struct store_reader *reader, enum tag tag)
{
	uint64_t n = 0;

	for (int kind = 0; kind < KEY_KIND_COUNT; kind++)
		n += reader->info.count[tag][kind];
	return n;
}

bool
store_has_tag(const struct store_reader *reader, enum tag tag)
{
	return store_count(reader, tag) != 0;
}

enum lookup_result
store_get(struct store_reader *reader, const struct key *key,
    struct stored_rules *rules)
{
	if (!store_has_kind(reader, key->tag, key->kind))
		return LOOKUP_ABSENT;
	return store_own(reader, key->bytes, key->n, &rules->rest);
}

bool
store_next(struct store_reader *reader, struct stored_rules *rules,
    struct stored_rule *rule)
{
	if (format_next(&rules->rest, rule))
		return true;
	if (rules->rest.n > 0)
		store_damaged(reader, "a record");
	rules->rest.n = 0;
	return false;
}

enum lookup_result
store_suites(struct store_reader *reader, struct slice list,
    const uint16_t **ids, size_t *n)
{
	unsigned char key[KEY_MAX];
	enum lookup_result result;
	struct slice value;

	if (list.n > KEY_TEXT_MAX)
		return LOOKUP_ABSENT;
	result = store_own(reader, key, format_list_key(list, key), &value);
	if (result == LOOKUP_FOUND) {
		/* Aligned: see format_list_key(). */
		*ids = (const void *)value.p;
		*n = value.n / sizeof **ids;
	}
	return result;
}

enum lookup_result
store_settings(struct store_reader *reader, struct slice *settings)
{
	static const unsigned char key[] = { FORMAT_SYSTEM, FORMAT_SETTINGS };
	enum lookup_result result = store_own(reader, key, sizeof key, settings);

	if (result != LOOKUP_FOUND)
		*settings = slice_make("", 0);
	return result;
}

struct slice
store_source(struct store_reader *reader, unsigned source)
{
	unsigned char key[] = { FORMAT_SYSTEM, FORMAT_SOURCE,
		(unsigned char)(source >> 8), (unsigned char)source };
	struct store_txn *r = reader->txn;
	bool kept = source < FORMAT_SOURCES_KEPT;
	enum lookup_result result;
	struct slice name;
	uint32_t check;

	if (kept && r->source[source].p != NULL) {
		name = r->source[source];
		result = store_vouch(reader, key, sizeof key,
		    r->source_check[source], name);
	} else {
		result = find(reader, key, sizeof key, &check);
		if (result == LOOKUP_FOUND)
			result = store_fetch(reader, key, sizeof key, check,
			    &name);
	}
	if (result != LOOKUP_FOUND)
		return slice_make("", 0);
	if (kept && r->source[source].p == NULL) {
		r->source[source] = name;
		r->source_check[source] = check;
	}
	return name;
}

struct each {
	struct store_reader *reader;
	bool (*each)(void *, const struct stored_rule *);
	void *arg;
};

static bool
each_value(void *arg, struct slice key, struct slice value)
{
	const struct each *e = arg;
	struct stored_rules rules = { value };
	struct stored_rule rule;

	if (key.n == 0 || key.p[0] == FORMAT_SYSTEM)
		return true;
	while (store_next(e->reader, &rules, &rule))
		if (!e->each(e->arg, &rule))
			return false;
	return e->reader->fault.kind == FAULT_NONE;
}

bool
store_each(struct store_reader *reader,
    bool (*each)(void *, const struct stored_rule *), void *arg)
{
	const struct store_txn *r = reader->txn;
	struct each e = { reader, each, arg };

	if (reader->store->not_looked_at) {
		fault_set(&reader->fault, FAULT_DATA, "%s: was opened for keys "
		    "only", reader->store->path);
		return false;
	}
	if (!snapshot_each(&r->snapshot, each_value, &e))
		store_damaged(reader, "its pages");
	return reader->fault.kind == FAULT_NONE;
}
