/* Some keys: one rule set, or deleted, or those of some entries. */
#include <string.h>

#include "policy/store/check.h"
#include "policy/store/rebuild.h"
#include "policy/store/rebuild-internal.h"

/* The value under the key in the transaction; n 0: the key is not there. */
static bool
find_value(struct writing *w, struct slice key_bytes, struct slice *found)
{
	MDB_val key = { key_bytes.n, (void *)(uintptr_t)key_bytes.p };
	MDB_val value = { 0, NULL };
	int error = mdb_get(w->txn, w->dbi, &key, &value);

	*found = slice_make(value.mv_data, error == 0 ? value.mv_size : 0);
	return error == 0 || error == MDB_NOTFOUND || writing_failed(w, error);
}

/* Removes the key's rules; *found: there were some. */
static bool
remove_key(struct writing *w, struct slice key_bytes, bool *found)
{
	MDB_val key = { key_bytes.n, (void *)(uintptr_t)key_bytes.p };
	struct slice old, none = { NULL, 0 };
	int error;

	if (!find_value(w, key_bytes, &old))
		return false;
	if (old.n == 0)
		return true;
	*found = true;
	if (!writing_note(w, key_bytes, old, none))
		return false;
	writing_account(w, key_bytes, old, none);
	error = mdb_del(w->txn, w->dbi, &key, NULL);
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
	return writing_put_source(w, *number, name, 0);
}

/* The value that was made takes the place of the old one. */
static bool
put_value(struct writing *w, struct slice bytes, struct slice old)
{
	MDB_val key = { bytes.n, (void *)(uintptr_t)bytes.p }, value;
	int error;

	if (!writing_note(w, bytes, old, writing_value(w)))
		return false;
	writing_account(w, bytes, old, writing_value(w));
	value = (MDB_val){ w->value.n, w->value.p };
	error = mdb_put(w->txn, w->dbi, &key, &value, 0);
	return error == 0 || writing_failed(w, error);
}

static bool
put_line(struct writing *w, const struct rulefile *file,
    const struct rule *rule)
{
	struct slice bytes = rule_key_bytes(rule), old;
	struct writing_place place;
	unsigned source = 0;

	if (!writing_put_lists(w, rule, true) || !find_value(w, bytes, &old) ||
	    !writing_find_place(w, rule, old, &place))
		return false;
	if (place.same)
		return true;
	if (file->nsources > 0 && (!find_source(w, file->sources[0],
	    &source) || !find_value(w, bytes, &old)))
		return false;
	return writing_make_line(w, rule, source, old, &place) &&
	    put_value(w, bytes, old);
}

static bool
put_lines(struct writing *w, const struct rulefile *file)
{
	for (size_t i = 0; i < file->n; i++)
		if (!put_line(w, file, &file->rules[i]))
			return false;
	return true;
}

bool
rebuild_set(const char *path, const struct rulefile *file,
    const struct authorship *by, struct store_info *info, bool *changed,
    struct fault *fault)
{
	struct writing w;
	bool good = writing_begin(&w, path, REBUILD_DURABLE, by, fault) &&
	    writing_history_begin(&w) && put_lines(&w, file) &&
	    writing_finish(&w, info, changed);

	writing_end(&w);
	return good;
}

static bool
remove_keys(struct writing *w, const struct key *keys, size_t n, bool *found)
{
	for (size_t i = 0; i < n; i++)
		if (!remove_key(w, slice_make((const char *)keys[i].bytes,
		    keys[i].n), found))
			return false;
	return true;
}

bool
rebuild_delete(const char *path, const struct key *keys, size_t n,
    const struct authorship *by, bool *found, struct store_info *info,
    struct fault *fault)
{
	struct writing w;
	bool good;

	*found = false;
	/* mdb_env_open() would create a missing file; del must not. */
	if (!store_check_file(path, fault))
		return false;
	good = writing_begin(&w, path, REBUILD_DURABLE, by, fault) &&
	    writing_history_begin(&w) && remove_keys(&w, keys, n, found);
	if (good && *found)
		good = writing_finish(&w, info, NULL);
	writing_end(&w);
	return good;
}

/* Rules in front of those of the key are others'. */
static bool
put_key(struct writing *w, const struct rulefile *file, struct slice bytes,
    size_t *i)
{
	struct slice old;
	bool found;

	while (*i < file->n &&
	    slice_compare(rule_key_bytes(&file->rules[*i]), bytes) < 0)
		++*i;
	if (*i == file->n ||
	    !slice_equal(rule_key_bytes(&file->rules[*i]), bytes))
		return remove_key(w, bytes, &found);
	for (size_t j = *i; j < file->n &&
	    slice_equal(rule_key_bytes(&file->rules[j]), bytes); j++)
		if (!writing_put_lists(w, &file->rules[j], false))
			return false;
	if (!find_value(w, bytes, &old) || !writing_make_value(w, file, i, 0))
		return false;
	return slice_equal(old, writing_value(w)) || put_value(w, bytes, old);
}

static bool
put_keys(struct writing *w, const struct rulefile *file,
    const struct synced_change *change)
{
	bool wrote;

	for (size_t i = 0, k = 0; k < change->nkeys; k++)
		if (!put_key(w, file, change->keys[k], &i) ||
		    !writing_flush(w, &wrote))
			return false;
	return true;
}

bool
rebuild_synced_keys(const char *path, const struct rulefile *file,
    const struct authorship *by, const struct synced *directory,
    const struct synced_change *change, struct store_info *info,
    bool *changed, struct fault *fault)
{
	struct writing w;
	bool good;

	fault_clear(fault);
	good = writing_begin(&w, path, REBUILD_DURABLE, by, fault) &&
	    w.was.generation == change->over.generation &&
	    w.was.head == change->over.head && writing_history_begin(&w) &&
	    (w.change = change) != NULL && put_keys(&w, file, change) &&
	    writing_change_synced(&w, directory, change) &&
	    writing_finish(&w, info, changed);
	writing_end(&w);
	return good;
}
