/*
 * mdb_drop() and sorted appends: the fastest way to a dense tree, and the
 * freed pages of one generation are used again by the next but one.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/facts/suite.h"
#include "policy/rules/item.h"
#include "policy/store/check.h"
#include "policy/store/rebuild.h"
#include "policy/store/rebuild-internal.h"

static bool
put_source(struct writing *w, unsigned number, struct slice name,
    unsigned flags)
{
	unsigned char key[] = { FORMAT_SYSTEM, FORMAT_SOURCE,
		(unsigned char)(number >> 8), (unsigned char)number };

	return writing_put(w, key, sizeof key, name.p, name.n, flags);
}

/* Suites of a list, computed once a build: OpenSSL takes 0.3 ms. */
static bool
put_list(struct writing *w, struct slice list)
{
	unsigned char name[KEY_MAX];
	uint16_t ids[SUITE_LIST_MAX];
	MDB_val key, value;
	size_t n;
	int error = MDB_NOTFOUND;

	if (list.n > KEY_TEXT_MAX)
		return fault_set(w->fault, FAULT_DATA, "a cipher list of %zu "
		    "bytes; expected at most %d", list.n, KEY_TEXT_MAX);
	key.mv_data = name;
	key.mv_size = format_list_key(list, name);
	if (w->emptied)
		error = mdb_get(w->txn, w->dbi, &key, &value);
	if (error != MDB_NOTFOUND)
		return error == 0 || writing_failed(w, error);
	if (!suite_list(list, ids, &n, w->fault))
		return writing_give_up(w);
	return writing_put(w, name, key.mv_size, ids, n * sizeof ids[0], 0);
}

static bool
put_lists_of(struct writing *w, const struct rule *rule)
{
	struct requirement r;

	if ((rule->flags & RULE_CIPHER_LIST) == 0)
		return true;
	if (!requirement_parse(rule->requirement,
	    key_bytes_tag(rule->key_bytes), &r, w->fault))
		return false;
	for (unsigned i = 0; i < r.nitems; i++)
		if (r.items[i].row->id == ITEM_CIPHER &&
		    !put_list(w, r.items[i].value))
			return false;
	return true;
}

static bool
same_key(const struct rule *a, const struct rule *b)
{
	return slice_equal(a->key_bytes, b->key_bytes);
}

/* All rules of the key at rules[*i]; *i moves past them. */
static bool
put_key(struct writing *w, const struct rulefile *file, size_t *i,
    unsigned first_source, unsigned flags)
{
	const struct rule *first = &file->rules[*i];
	size_t used = 0, n = 0;

	for (; *i < file->n && same_key(first, &file->rules[*i]); (*i)++, n++)
		if (!writing_append(w, &file->rules[*i],
		    first_source + file->rules[*i].source, &used))
			return false;
	w->info.info.rules += n;
	*writing_counter(w, first->key_bytes) += (uint32_t)n;
	return writing_put(w, first->key_bytes.p, first->key_bytes.n,
	    w->value, used, flags);
}

static bool
put_all(struct writing *w, const struct rulefile *file)
{
	for (size_t i = 0; i < file->n;)
		if (!put_key(w, file, &i, 0, MDB_APPEND))
			return false;
	/* The store's own keys come first and are few: no append. */
	for (size_t i = 0; i < file->n; i++)
		if (!put_lists_of(w, &file->rules[i]))
			return false;
	for (unsigned s = 0; s < file->nsources; s++)
		if (!put_source(w, s, file->sources[s], 0))
			return false;
	w->info.info.sources = file->nsources;
	return true;
}

static bool
empty(struct writing *w)
{
	uint64_t generation = w->info.info.generation;
	int error = mdb_drop(w->txn, w->dbi, 0);

	if (error != 0)
		return writing_failed(w, error);
	memset(&w->info.info, 0, sizeof w->info.info);
	w->info.info.generation = generation;
	w->info.sum = 0;
	w->emptied = true;
	return true;
}

bool
rebuild_store(const char *path, const struct rulefile *file, int64_t now,
    unsigned flags, struct store_info *info, struct fault *fault)
{
	struct writing w;
	bool good = writing_begin(&w, path, flags, fault) && empty(&w) &&
	    put_all(&w, file) && writing_commit(&w, now, info);

	writing_end(&w);
	return good;
}

/* How many rules a stored value holds. */
static uint32_t
count_records(struct slice value)
{
	struct format_record record;
	uint32_t n = 0;

	while (value.n >= sizeof record) {
		size_t length;

		memcpy(&record, value.p, sizeof record);
		length = sizeof record + record.key_length +
		    record.requirement_length;
		if (length > value.n)
			break;
		value = slice_from(value, length);
		n++;
	}
	return n;
}

/* Removes the key's rules from tree and counters; *n: how many there were. */
static bool
remove_key(struct writing *w, struct slice key_bytes, uint32_t *n)
{
	MDB_val key = { key_bytes.n, (void *)(uintptr_t)key_bytes.p }, value;
	int error = mdb_get(w->txn, w->dbi, &key, &value);

	*n = 0;
	if (error == MDB_NOTFOUND)
		return true;
	if (error == 0) {
		*n = count_records(slice_make(value.mv_data, value.mv_size));
		w->info.sum -= format_sum(&key, &value);
		w->info.info.rules -= *n;
		*writing_counter(w, key_bytes) -= *n;
		error = mdb_del(w->txn, w->dbi, &key, NULL);
	}
	return error == 0 || writing_failed(w, error);
}

/* The number of the source called `name`; a new one where there is none. */
static bool
find_source(struct writing *w, struct slice name, unsigned *number)
{
	for (unsigned s = 0; s < w->info.info.sources; s++) {
		unsigned char bytes[] = { FORMAT_SYSTEM, FORMAT_SOURCE,
			(unsigned char)(s >> 8), (unsigned char)s };
		MDB_val key = { sizeof bytes, bytes }, value;
		int error = mdb_get(w->txn, w->dbi, &key, &value);

		if (error != 0 && error != MDB_NOTFOUND)
			return writing_failed(w, error);
		if (error == 0 && slice_equal(slice_make(value.mv_data,
		    value.mv_size), name)) {
			*number = s;
			return true;
		}
	}
	*number = w->info.info.sources++;
	return put_source(w, *number, name, 0);
}

static bool
put_lines(struct writing *w, const struct rulefile *file)
{
	unsigned source = 0;

	if (file->nsources > 0 &&
	    !find_source(w, file->sources[0], &source))
		return false;
	for (size_t i = 0; i < file->n; i++)
		if (!put_lists_of(w, &file->rules[i]) ||
		    !writing_put_line(w, &file->rules[i], source))
			return false;
	return true;
}

bool
rebuild_set(const char *path, const struct rulefile *file, int64_t now,
    struct store_info *info, struct fault *fault)
{
	struct writing w;
	bool good = writing_begin(&w, path, REBUILD_DURABLE, fault) &&
	    put_lines(&w, file) && writing_commit(&w, now, info);

	writing_end(&w);
	return good;
}

static bool
remove_keys(struct writing *w, const struct key *keys, size_t n,
    uint64_t *removed)
{
	uint32_t lines;

	for (size_t i = 0; i < n; i++) {
		if (!remove_key(w, slice_make((const char *)keys[i].bytes,
		    keys[i].n), &lines))
			return false;
		*removed += lines;
	}
	return true;
}

bool
rebuild_delete(const char *path, const struct key *keys, size_t n,
    int64_t now, uint64_t *removed, struct store_info *info,
    struct fault *fault)
{
	struct writing w;
	bool good;

	*removed = 0;
	/* mdb_env_open() would create a missing file; del must not. */
	if (!store_check_file(path, fault))
		return false;
	good = writing_begin(&w, path, REBUILD_DURABLE, fault) &&
	    remove_keys(&w, keys, n, removed);
	if (good && *removed > 0)
		good = writing_commit(&w, now, info);
	writing_end(&w);
	return good;
}
