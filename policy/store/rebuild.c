/*
 * A build walks along the rules that are there and those that are to be, both
 * sorted by key, and writes where they differ.  So it costs what changes, and
 * finds on the way what a generation has to tell; in an empty store all is
 * appended, which is the fastest way to a dense tree.
 */
#include <malloc.h>
#include <string.h>

#include "policy/store/rebuild.h"
#include "policy/store/rebuild-internal.h"

/* The walk: where it is among the rules that are there. */
struct walk {
	struct writing *w;
	MDB_cursor *cursor;
	MDB_val key, value;
	bool more;
};

static bool
step(struct walk *k, MDB_cursor_op op)
{
	int error = mdb_cursor_get(k->cursor, &k->key, &k->value, op);

	k->more = error == 0;
	return error == 0 || error == MDB_NOTFOUND ||
	    writing_failed(k->w, error);
}

static struct slice
key_there(const struct walk *k)
{
	return slice_make(k->key.mv_data, k->key.mv_size);
}

static struct slice
value_there(const struct walk *k)
{
	return slice_make(k->value.mv_data, k->value.mv_size);
}

/* Sums up an entry that was there, to see whether it is what was written. */
static void
see(struct walk *k)
{
	k->w->seen_sum += format_sum(&k->key, &k->value);
}

/* Adds new rules.  Afterwards memory that was read from LMDB is not valid. */
static bool
add(struct walk *k, const struct rulefile *file, size_t *i)
{
	struct slice bytes = rule_key_bytes(&file->rules[*i]);
	struct slice none = { NULL, 0 };
	MDB_val key = { bytes.n, (void *)(uintptr_t)bytes.p }, value;
	struct writing *w = k->w;
	int error;

	if (!writing_make_value(w, file, i, 0) ||
	    !writing_note(w, bytes, none, writing_value(w)))
		return false;
	writing_account(w, bytes, none, writing_value(w));
	value = (MDB_val){ w->value.n, w->value.p };
	error = mdb_put(w->txn, w->dbi, &key, &value,
	    k->more ? 0 : MDB_APPEND);
	if (error != 0)
		return writing_failed(w, error);
	return !k->more || step(k, MDB_GET_CURRENT);
}

static bool
drop(struct walk *k)
{
	struct slice none = { NULL, 0 };
	int error;

	if (!writing_note(k->w, key_there(k), value_there(k), none))
		return false;
	see(k);
	error = mdb_cursor_del(k->cursor, 0);
	return error == 0 ? step(k, MDB_NEXT) : writing_failed(k->w, error);
}

static bool
replace(struct walk *k, const struct rulefile *file, size_t *i)
{
	struct slice bytes = rule_key_bytes(&file->rules[*i]);
	MDB_val key = { bytes.n, (void *)(uintptr_t)bytes.p }, value;
	struct slice none = { NULL, 0 };
	struct writing *w = k->w;
	int error;

	if (!writing_make_value(w, file, i, 0))
		return false;
	see(k);
	writing_account(w, bytes, none, writing_value(w));
	if (slice_equal(value_there(k), writing_value(w)))
		return step(k, MDB_NEXT);
	if (!writing_note(w, bytes, value_there(k), writing_value(w)))
		return false;
	value = (MDB_val){ w->value.n, w->value.p };
	error = mdb_cursor_put(k->cursor, &key, &value, MDB_CURRENT);
	return error == 0 ? step(k, MDB_NEXT) : writing_failed(w, error);
}

/*
 * Sorted, the rules' texts lie all over their file: to wait for each of a
 * million would take as long as all the rest.
 */
static void
fetch_ahead(const struct rulefile *file, size_t i)
{
	enum { AHEAD = 12 };
	const struct rule *rule;

	if (file->n - i <= AHEAD)
		return;
	rule = &file->rules[i + AHEAD];
	__builtin_prefetch(rule->key_bytes_at);
	__builtin_prefetch(rule->key_at);
	__builtin_prefetch(rule->key_at + rule->key_n + rule->requirement_n);
}

static bool
walk(struct walk *k, const struct rulefile *file)
{
	for (size_t i = 0; k->more || i < file->n;) {
		fetch_ahead(file, i);
		int order = !k->more ? 1 : i == file->n ? -1 :
		    slice_compare(key_there(k),
		    rule_key_bytes(&file->rules[i]));
		bool wrote;

		if (!(order < 0 ? drop(k) : order > 0 ? add(k, file, &i) :
		    replace(k, file, &i)) || !writing_flush(k->w, &wrote) ||
		    (wrote && k->more && !step(k, MDB_GET_CURRENT)))
			return false;
	}
	return true;
}

static bool
put_rules(struct writing *w, const struct rulefile *file)
{
	unsigned char first[] = { FORMAT_SYSTEM + 1 };
	struct walk k = { .w = w, .key = { sizeof first, first } };
	int error = mdb_cursor_open(w->txn, w->dbi, &k.cursor);
	bool good;

	if (error != 0)
		return writing_failed(w, error);
	good = step(&k, MDB_SET_RANGE) && walk(&k, file);
	/* LMDB closes a cursor with a transaction that failed. */
	if (w->txn != NULL)
		mdb_cursor_close(k.cursor);
	return good;
}

/*
 * The store's own entries, which are few: sources and cipher lists go away and
 * are made anew.  All is counted anew, too, so that nothing of what is damaged
 * is left.
 */
static bool
drop_own(struct writing *w)
{
	static const unsigned char behind[] = { FORMAT_SYSTEM,
		FORMAT_GENERATION + 1 };
	unsigned char first[] = { FORMAT_SYSTEM };
	struct walk k = { .w = w, .key = { sizeof first, first } };
	int error = mdb_cursor_open(w->txn, w->dbi, &k.cursor);
	bool good;

	if (error != 0)
		return writing_failed(w, error);
	w->info.sum = 0;
	w->info.info.rules = 0;
	w->info.info.sources = 0;
	memset(w->info.info.count, 0, sizeof w->info.info.count);
	good = step(&k, MDB_SET_RANGE);
	while (good && k.more && key_there(&k).p[0] == FORMAT_SYSTEM &&
	    !format_is(key_there(&k), FORMAT_SYNCED)) {
		if (format_is(key_there(&k), FORMAT_GENERATION)) {
			k.key = (MDB_val){ sizeof behind,
				(void *)(uintptr_t)behind };
			good = step(&k, MDB_SET_RANGE);
			continue;
		}
		if (format_is(key_there(&k), FORMAT_LIST) ||
		    format_is(key_there(&k), FORMAT_SOURCE)) {
			see(&k);
			error = mdb_cursor_del(k.cursor, 0);
		} else if (!format_is(key_there(&k), FORMAT_INFO)) {
			see(&k);
			w->info.sum += format_sum(&k.key, &k.value);
		}
		good = error == 0 ? step(&k, MDB_NEXT) :
		    writing_failed(w, error);
	}
	if (w->txn != NULL)
		mdb_cursor_close(k.cursor);
	return good;
}

/*
 * The history is made from the old rules: of damaged ones it would tell what
 * nobody wrote.
 */
static bool
was_whole(struct writing *w)
{
	if (!w->recording || w->seen_sum == w->was_sum)
		return true;
	fault_set(w->fault, FAULT_DATA, "%s: damaged (its contents are not "
	    "what was written); remove it and build the store again", w->path);
	return writing_give_up(w);
}

static bool
put_all(struct writing *w, const struct rulefile *file)
{
	if (!drop_own(w) || !put_rules(w, file) || !was_whole(w))
		return false;
	for (size_t i = 0; i < file->n; i++)
		if (!writing_put_lists(w, &file->rules[i], false))
			return false;
	for (unsigned s = 0; s < file->nsources; s++)
		if (!writing_put_source(w, s, file->sources[s], 0))
			return false;
	w->info.info.sources = file->nsources;
	return true;
}

bool
rebuild_synced(const char *path, const struct rulefile *file,
    const struct authorship *by, const struct synced *directory,
    struct store_info *info, bool *changed, struct fault *fault)
{
	struct writing w;
	bool good = writing_begin(&w, path, REBUILD_DURABLE, by, fault) &&
	    writing_history_begin(&w) && writing_put_synced(&w, directory) &&
	    put_all(&w, file) && writing_finish(&w, info, changed);

	writing_end(&w);
	return good;
}

bool
rebuild_store(const char *path, const struct rulefile *file,
    const struct authorship *by, unsigned flags, struct store_info *info,
    bool *changed, struct fault *fault)
{
	struct writing w;
	bool good = writing_begin(&w, path, flags, by, fault) &&
	    writing_history_begin(&w) && put_all(&w, file) &&
	    writing_finish(&w, info, changed);

	writing_end(&w);
	return good;
}

bool
rebuild_and_free(const char *path, struct rulefile *file,
    const struct authorship *by, struct store_info *info, bool *changed,
    struct fault *fault)
{
	struct writing w;
	bool good = writing_begin(&w, path, REBUILD_DURABLE, by, fault) &&
	    writing_history_begin(&w) && put_all(&w, file);

	rulefile_free(file);
	malloc_trim(0); /* else the next pages come on top of what is free */
	good = good && writing_finish(&w, info, changed);
	writing_end(&w);
	return good;
}
