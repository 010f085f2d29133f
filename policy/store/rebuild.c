/*
 * Writing.  One transaction holds the whole change, so that a killed writer
 * leaves the old generation and readers see either the old or the new one.
 *
 * mdb_drop() and sorted appends: the fastest way to a dense tree, and the
 * freed pages of one generation are used again by the next but one.
 */
#include <sys/stat.h>

#include <errno.h>
#include <lmdb.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy/facts/suite.h"
#include "policy/rules/item.h"
#include "policy/store/check.h"
#include "policy/store/format.h"
#include "policy/store/rebuild.h"

struct writer {
	const char *path;
	MDB_env *env;
	MDB_txn *txn; /* NULL: none, or failed */
	MDB_dbi dbi;
	struct format_info info;
	struct fault *fault;
	bool emptied; /* all there is was put by this transaction */
	char *value; /* the records of one key, growing */
	size_t value_size;
};

/* Any failure ends the transaction, so that it cannot be committed. */
static bool
failed(struct writer *w, int error)
{
	if (w->txn != NULL)
		mdb_txn_abort(w->txn);
	w->txn = NULL;
	return store_lmdb_fault(w->fault, error, w->path);
}

/*
 * A store made by root must be readable by the daemon: its files take the
 * group of their directory, and readers may write the lock file.
 */
static void
share_with_group(const char *path)
{
	char name[4096];
	const char *slash = strrchr(path, '/');
	struct stat st;

	snprintf(name, sizeof name, "%.*s", slash == NULL ? 1 :
	    (int)(slash - path + 1), slash == NULL ? "." : path);
	if (geteuid() != 0 || stat(name, &st) != 0)
		return;
	if (chown(path, (uid_t)-1, st.st_gid) != 0)
		return;
	snprintf(name, sizeof name, "%s-lock", path);
	if (chown(name, (uid_t)-1, st.st_gid) == 0)
		(void)chmod(name, 0660);
}

/* LMDB walks and reuses pages of the snapshot before: they must be sound. */
static bool
check_newest(struct writer *w)
{
	bool gone, good = check_pages(w->path, mdb_txn_id(w->txn) - 1, &gone,
	    w->fault);

	if (good && gone)
		good = fault_set(w->fault, FAULT_DATA, "%s: damaged (two "
		    "headers that do not fit); remove it and build the store "
		    "again", w->path);
	if (!good) {
		mdb_txn_abort(w->txn);
		w->txn = NULL;
	}
	return good;
}

/* An empty file is what a writer leaves that was stopped at its first step. */
static bool
is_new(const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return errno == ENOENT;
	return S_ISREG(st.st_mode) && st.st_size == 0;
}

/*
 * The lock file of a store that is gone counts that one's commits, for as long
 * as a daemon has it open.
 */
static bool
drop_old_lock(const char *path, struct fault *fault)
{
	char name[4096];

	snprintf(name, sizeof name, "%s-lock", path);
	return unlink(name) == 0 || errno == ENOENT ||
	    fault_errno(fault, FAULT_IO, errno, "cannot remove %s", name);
}

static bool
begin(struct writer *w, const char *path, unsigned flags, struct fault *fault)
{
	bool made;
	int error;

	memset(w, 0, sizeof *w);
	w->path = path;
	w->fault = fault;
	made = is_new(path);
	if (made ? !drop_old_lock(path, fault) : !check_file(path, fault))
		return false;
	if (!store_open_env(path, flags & REBUILD_SCRATCH ? MDB_NOSYNC : 0,
	    &w->env, fault))
		return false;
	if (made)
		share_with_group(path);
	error = mdb_txn_begin(w->env, NULL, 0, &w->txn);
	if (error == 0)
		error = mdb_dbi_open(w->txn, NULL, 0, &w->dbi);
	if (error != 0)
		return failed(w, error);
	return made || check_newest(w);
}

static void
end(struct writer *w)
{
	if (w->txn != NULL)
		mdb_txn_abort(w->txn);
	if (w->env != NULL)
		mdb_env_close(w->env);
	free(w->value);
}

static bool
put(struct writer *w, const void *key, size_t n, const void *data, size_t size,
    unsigned flags)
{
	MDB_val k = { n, (void *)(uintptr_t)key }, old;
	MDB_val v = { size, (void *)(uintptr_t)data };
	int error;

	if ((flags & MDB_APPEND) == 0 &&
	    mdb_get(w->txn, w->dbi, &k, &old) == 0)
		w->info.sum -= format_sum(&k, &old);
	w->info.sum += format_sum(&k, &v);
	error = mdb_put(w->txn, w->dbi, &k, &v, flags);
	return error == 0 || failed(w, error);
}

/* The info of the store as it is; all zero for a new one. */
static bool
load_info(struct writer *w)
{
	MDB_stat stat;
	int error = mdb_stat(w->txn, w->dbi, &stat);

	memcpy(w->info.magic, FORMAT_MAGIC, sizeof w->info.magic);
	w->info.version = FORMAT_VERSION;
	w->info.order = FORMAT_ORDER;
	if (error != 0)
		return failed(w, error);
	if (stat.ms_entries == 0)
		return true;
	if (store_read_info(w->txn, w->dbi, w->path, &w->info, w->fault))
		return true;
	mdb_txn_abort(w->txn);
	w->txn = NULL;
	return false;
}

/* Adds the key of every rule. */
static int
fill_filter(struct writer *w, unsigned char *filter)
{
	unsigned char first = FORMAT_SYSTEM + 1;
	MDB_val key = { 1, &first }, value;
	MDB_cursor_op op = MDB_SET_RANGE;
	MDB_cursor *cursor;
	int error = mdb_cursor_open(w->txn, w->dbi, &cursor);

	if (error != 0)
		return error;
	while ((error = mdb_cursor_get(cursor, &key, &value, op)) == 0) {
		filter_add(filter, key.mv_data, key.mv_size);
		op = MDB_NEXT;
	}
	mdb_cursor_close(cursor);
	return error == MDB_NOTFOUND ? 0 : error;
}

static bool
put_filter(struct writer *w)
{
	static const char name[] = { FORMAT_SYSTEM, FORMAT_FILTER };
	size_t size = filter_size(w->info.info.rules);
	unsigned char *filter = malloc(size);
	bool good;
	int error;

	if (filter == NULL)
		return failed(w, ENOMEM);
	filter_make(filter, w->info.info.rules);
	error = fill_filter(w, filter);
	good = error == 0 ? put(w, name, sizeof name, filter, size, 0) :
	    failed(w, error);
	free(filter);
	return good;
}

static bool
put_info(struct writer *w, int64_t now)
{
	static char name[] = { FORMAT_SYSTEM, FORMAT_INFO };
	MDB_val key = { sizeof name, name };
	MDB_val value = { sizeof w->info, &w->info };
	int error;

	w->info.info.generation++;
	w->info.info.built_at = now;
	w->info.txnid = mdb_txn_id(w->txn);
	w->info.check = format_check(&w->info);
	error = mdb_put(w->txn, w->dbi, &key, &value, 0);
	return error == 0 || failed(w, error);
}

/* What every commit ends with. */
static bool
finish(struct writer *w, int64_t now)
{
	return put_filter(w) && put_info(w, now);
}

static bool
put_source(struct writer *w, unsigned number, struct slice name,
    unsigned flags)
{
	unsigned char key[] = { FORMAT_SYSTEM, FORMAT_SOURCE,
		(unsigned char)(number >> 8), (unsigned char)number };

	return put(w, key, sizeof key, name.p, name.n, flags);
}

/* Once for a build: OpenSSL takes 0.3 ms for a list. */
static bool
put_list(struct writer *w, struct slice list)
{
	unsigned char name[KEY_MAX];
	uint16_t ids[SUITE_LIST_MAX];
	MDB_val key, value;
	size_t n;

	if (list.n > KEY_TEXT_MAX)
		return fault_set(w->fault, FAULT_DATA, "a cipher list of %zu "
		    "bytes; expected at most %d", list.n, KEY_TEXT_MAX);
	key.mv_data = name;
	key.mv_size = format_list_key(list, name);
	if (w->emptied && mdb_get(w->txn, w->dbi, &key, &value) == 0)
		return true;
	if (!suite_list(list, ids, &n, w->fault)) {
		mdb_txn_abort(w->txn);
		w->txn = NULL;
		return false;
	}
	return put(w, name, key.mv_size, ids, n * sizeof ids[0], 0);
}

static bool
put_lists_of(struct writer *w, const struct rule *rule)
{
	struct requirement r;

	if ((rule->flags & RULE_CIPHER_LIST) == 0)
		return true;
	if (!requirement_parse(rule->requirement,
	    key_bytes_tag(rule->key_bytes), &r, w->fault))
		return false;
	for (unsigned i = 0; i < r.nitems; i++)
		if (r.items[i].row->test == predicate_cipher &&
		    !put_list(w, r.items[i].value))
			return false;
	return true;
}

static bool
reserve(struct writer *w, size_t size)
{
	char *bigger;

	if (size <= w->value_size)
		return true;
	bigger = realloc(w->value, 2 * size);
	if (bigger == NULL)
		return failed(w, ENOMEM);
	w->value = bigger;
	w->value_size = 2 * size;
	return true;
}

static bool
append_record(struct writer *w, const struct rule *rule, unsigned source,
    size_t *used)
{
	struct format_record record = {
		.line = rule->line,
		.source = (uint16_t)source,
		.flags = rule->flags,
		.key_length = (uint16_t)rule->key.n,
		.requirement_length = (uint16_t)rule->requirement.n
	};
	char *at;

	if (!reserve(w, *used + sizeof record + rule->key.n +
	    rule->requirement.n))
		return false;
	at = w->value + *used;
	memcpy(at, &record, sizeof record);
	memcpy(at + sizeof record, rule->key.p, rule->key.n);
	memcpy(at + sizeof record + rule->key.n, rule->requirement.p,
	    rule->requirement.n);
	*used += sizeof record + rule->key.n + rule->requirement.n;
	return true;
}

static bool
same_key(const struct rule *a, const struct rule *b)
{
	return slice_equal(a->key_bytes, b->key_bytes);
}

static uint32_t *
counter(struct writer *w, struct slice key_bytes)
{
	return &w->info.info.count[key_bytes_tag(key_bytes)]
	    [(unsigned char)key_bytes.p[1]];
}

/* All rules of the key at rules[*i]; *i moves past them. */
static bool
put_key(struct writer *w, const struct rulefile *file, size_t *i,
    unsigned first_source, unsigned flags)
{
	const struct rule *first = &file->rules[*i];
	size_t used = 0, n = 0;

	for (; *i < file->n && same_key(first, &file->rules[*i]); (*i)++, n++)
		if (!append_record(w, &file->rules[*i],
		    first_source + file->rules[*i].source, &used))
			return false;
	w->info.info.rules += n;
	*counter(w, first->key_bytes) += (uint32_t)n;
	return put(w, first->key_bytes.p, first->key_bytes.n, w->value, used,
	    flags);
}

static bool
put_all(struct writer *w, const struct rulefile *file)
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
commit(struct writer *w, struct store_info *info)
{
	MDB_txn *txn = w->txn;
	int error;

	w->txn = NULL;
	if ((error = mdb_txn_commit(txn)) != 0)
		return store_lmdb_fault(w->fault, error, w->path);
	if (info != NULL)
		*info = w->info.info;
	return true;
}

static bool
empty(struct writer *w)
{
	uint64_t generation = w->info.info.generation;
	int error = mdb_drop(w->txn, w->dbi, 0);

	if (error != 0)
		return failed(w, error);
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
	struct writer w;
	bool good = begin(&w, path, flags, fault) && load_info(&w) &&
	    empty(&w) && put_all(&w, file) && finish(&w, now) &&
	    commit(&w, info);

	end(&w);
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
remove_key(struct writer *w, struct slice key_bytes, uint32_t *n)
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
		*counter(w, key_bytes) -= *n;
		error = mdb_del(w->txn, w->dbi, &key, NULL);
	}
	return error == 0 || failed(w, error);
}

/* The number of the source called `name`; a new one where there is none. */
static bool
find_source(struct writer *w, struct slice name, unsigned *number)
{
	for (unsigned s = 0; s < w->info.info.sources; s++) {
		unsigned char bytes[] = { FORMAT_SYSTEM, FORMAT_SOURCE,
			(unsigned char)(s >> 8), (unsigned char)s };
		MDB_val key = { sizeof bytes, bytes }, value;

		if (mdb_get(w->txn, w->dbi, &key, &value) == 0 &&
		    slice_equal(slice_make(value.mv_data, value.mv_size),
		    name)) {
			*number = s;
			return true;
		}
	}
	*number = w->info.info.sources++;
	return put_source(w, *number, name, 0);
}

static bool
replace_keys(struct writer *w, const struct rulefile *file)
{
	unsigned source = 0;
	uint32_t n;

	if (file->nsources > 0 &&
	    !find_source(w, file->sources[0], &source))
		return false;
	for (size_t i = 0; i < file->n;)
		if (!put_lists_of(w, &file->rules[i]) ||
		    !remove_key(w, file->rules[i].key_bytes, &n) ||
		    !put_key(w, file, &i, source, 0))
			return false;
	return true;
}

bool
rebuild_set(const char *path, const struct rulefile *file, int64_t now,
    struct store_info *info, struct fault *fault)
{
	struct writer w;
	bool good = begin(&w, path, REBUILD_DURABLE, fault) &&
	    load_info(&w) && replace_keys(&w, file) && finish(&w, now) &&
	    commit(&w, info);

	end(&w);
	return good;
}

static bool
remove_keys(struct writer *w, const struct key *keys, size_t n, bool *found)
{
	uint32_t removed;

	for (size_t i = 0; i < n; i++) {
		if (!remove_key(w, slice_make((const char *)keys[i].bytes,
		    keys[i].n), &removed))
			return false;
		*found = *found || removed > 0;
	}
	return true;
}

bool
rebuild_delete(const char *path, const struct key *keys, size_t n,
    int64_t now, bool *found, struct store_info *info, struct fault *fault)
{
	struct writer w;
	bool good;

	*found = false;
	if (!check_file(path, fault)) /* begin() would make one */
		return false;
	good = begin(&w, path, REBUILD_DURABLE, fault) && load_info(&w) &&
	    remove_keys(&w, keys, n, found);
	if (good && *found)
		good = finish(&w, now) && commit(&w, info);
	end(&w);
	return good;
}
