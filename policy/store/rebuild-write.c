#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy/base/folder.h"
#include "policy/store/check.h"
#include "policy/store/older.h"
#include "policy/store/rebuild.h"
#include "policy/store/rebuild-internal.h"

bool
writing_give_up(struct writing *w)
{
	if (w->txn != NULL)
		mdb_txn_abort(w->txn);
	w->txn = NULL;
	return false;
}

bool
writing_failed(struct writing *w, int error)
{
	writing_give_up(w);
	return store_lmdb_fault(w->fault, error, w->path);
}

/*
 * Empties a store of an older format; only the number of its generation is
 * kept.
 */
static bool
drop_older(struct writing *w, const struct older_info *older)
{
	int error = mdb_drop(w->txn, w->dbi, 0);

	w->was.generation = w->info.info.generation = older->generation;
	return error == 0 || writing_failed(w, error);
}

/* The info of the store as it is; all zero for a new one. */
static bool
load_info(struct writing *w)
{
	char name[] = { FORMAT_SYSTEM, FORMAT_INFO };
	MDB_val key = { sizeof name, name }, value = { 0, NULL };
	struct older_info older;
	MDB_stat stat;
	int error = mdb_stat(w->txn, w->dbi, &stat);

	memcpy(w->info.magic, FORMAT_MAGIC, sizeof w->info.magic);
	w->info.version = FORMAT_VERSION;
	w->info.order = FORMAT_ORDER;
	if (error != 0)
		return writing_failed(w, error);
	if (stat.ms_entries == 0)
		return true;
	error = mdb_get(w->txn, w->dbi, &key, &value);
	if (error != 0 && error != MDB_NOTFOUND)
		return writing_failed(w, error);
	if ((w->flags & REBUILD_OLDER) != 0 && older_read_info(slice_make(
	    value.mv_data, value.mv_size), &older))
		return drop_older(w, &older);
	if (!format_read_info(slice_make(value.mv_data, value.mv_size),
	    w->path, &w->info, w->fault))
		return writing_give_up(w);
	w->was = w->info.info;
	w->was_sum = w->info.sum;
	/*
	 * A damaged info is not believed: its numbers say how much is read and
	 * made room for.
	 */
	if (w->info.check == format_check(&w->info, sizeof w->info))
		return true;
	fault_set(w->fault, FAULT_DATA, "%s: damaged (what it says of itself "
	    "is not what was written); remove it and build the store again",
	    w->path);
	return writing_give_up(w);
}

/* A lock file that is not what LMDB made is left alone: readers will say so. */
static void
share_lock(int fd, gid_t gid)
{
	struct stat st;

	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1 &&
	    fchown(fd, (uid_t)-1, gid) == 0)
		(void)fchmod(fd, 0660);
}

/*
 * A store made by root, or by who was root, must be readable by the daemon: its
 * files take the group of their directory, where that is ours to give, and who
 * may read them may write the lock file.
 */
static void
share_with_group(struct writing *w)
{
	const char *slash = strrchr(w->path, '/');
	mdb_filehandle_t fd;
	struct stat folder, st;
	char name[4096];

	snprintf(name, sizeof name, "%.*s", slash == NULL ? 1 :
	    (int)(slash - w->path + 1), slash == NULL ? "." : w->path);
	if (stat(name, &folder) != 0 || mdb_env_get_fd(w->env, &fd) != 0 ||
	    fchown(fd, (uid_t)-1, folder.st_gid) != 0)
		return;
	if (fstat(fd, &st) == 0 && (st.st_mode & S_IRGRP) != 0)
		share_lock(w->lock, folder.st_gid);
}

/* LMDB walks and reuses pages of the snapshot before: they must be sound. */
static bool
check_snapshot(struct writing *w)
{
	bool gone, good = store_check_pages(w->path, mdb_txn_id(w->txn) - 1, &gone,
	    w->fault);

	if (good && gone)
		good = fault_set(w->fault, FAULT_DATA, "%s: damaged (two "
		    "headers that do not fit); remove it and build the store "
		    "again", w->path);
	return good || writing_give_up(w);
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

bool
rebuild_is_first(const char *path)
{
	MDB_env *env = NULL;
	struct fault ignored;
	MDB_stat stat;
	bool first;

	if (is_new(path))
		return true;
	first = store_check_file(path, &ignored) &&
	    store_open_env(path, MDB_RDONLY, &env, &ignored) &&
	    mdb_env_stat(env, &stat) == 0 && stat.ms_depth == 0;
	if (env != NULL)
		mdb_env_close(env);
	return first;
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

/*
 * A disk without room has left less than the two headers: no commit has been
 * there, and the next writer would take it for a damaged store.
 */
static void
drop_first_step(const char *path)
{
	struct fault ignored;
	struct stat st;

	if (stat(path, &st) == 0 && S_ISREG(st.st_mode) &&
	    st.st_size < 2 * (off_t)getpagesize() && unlink(path) == 0)
		(void)drop_old_lock(path, &ignored);
}

/* LMDB's environment; what a new store that got no further left is removed. */
static bool
open_env(struct writing *w, bool made)
{
	if (store_open_env(w->path, w->flags & REBUILD_SCRATCH ? MDB_NOSYNC : 0,
	    &w->env, w->fault))
		return true;
	if (made)
		drop_first_step(w->path);
	return false;
}

bool
writing_begin(struct writing *w, const char *path, unsigned flags,
    const struct authorship *by, struct fault *fault)
{
	bool made;
	int error;

	memset(w, 0, sizeof *w);
	w->path = path;
	w->flags = flags;
	w->by = by;
	w->fault = fault;
	w->lock = -1;
	if (!folder_is_ours(path, fault))
		return false;
	made = is_new(path);
	if (made ? !drop_old_lock(path, fault) : !store_check_file(path, fault))
		return false;
	if (!open_env(w, made) || !store_wait_to_write(path, &w->lock, fault))
		return false;
	if (made)
		share_with_group(w);
	if ((flags & REBUILD_SCRATCH) == 0 && !folder_sync(path, fault))
		return false;
	error = store_begin_txn(w->env, path, 0, &w->txn);
	if (error == 0)
		error = mdb_dbi_open(w->txn, NULL, 0, &w->dbi);
	if (error != 0)
		return writing_failed(w, error);
	return (made || check_snapshot(w)) && load_info(w);
}

void
writing_end(struct writing *w)
{
	writing_give_up(w);
	if (w->env != NULL)
		mdb_env_close(w->env);
	if (w->lock != -1)
		close(w->lock);
	free(w->value.p);
	free(w->part.p);
	free(w->sources.p);
	free(w->old_settings.p);
}

bool
writing_append(struct writing *w, struct writing_bytes *bytes, const void *p,
    size_t n)
{
	if (n > bytes->size - bytes->n) {
		size_t size = 2 * (bytes->n + n);
		char *bigger = realloc(bytes->p, size);

		if (bigger == NULL)
			return writing_failed(w, ENOMEM);
		bytes->p = bigger;
		bytes->size = size;
	}
	if (n > 0)
		memcpy(bytes->p + bytes->n, p, n);
	bytes->n += n;
	return true;
}

bool
writing_put(struct writing *w, const void *key, size_t n, const void *data,
    size_t size, unsigned flags)
{
	MDB_val k = { n, (void *)(uintptr_t)key }, old;
	MDB_val v = { size, (void *)(uintptr_t)data };
	int error = MDB_NOTFOUND;

	if ((flags & MDB_APPEND) == 0)
		error = mdb_get(w->txn, w->dbi, &k, &old);
	if (error == 0)
		w->info.sum -= format_sum(&k, &old);
	else if (error != MDB_NOTFOUND)
		return writing_failed(w, error);
	w->info.sum += format_sum(&k, &v);
	error = mdb_put(w->txn, w->dbi, &k, &v, flags);
	return error == 0 || writing_failed(w, error);
}

/* Keys that were announced to the filter. */
struct announced {
	uint64_t hash[16], sum[16];
	unsigned n;
};

static bool
add_announced(const struct writing *w, unsigned char *filter,
    struct announced *a)
{
	bool good = true;

	for (unsigned i = 0; i < a->n; i++)
		good = good && filter_add(&w->info.filter, filter, a->hash[i],
		    a->sum[i]);
	a->n = 0;
	return good;
}

/*
 * Adds all that a reader looks for: *again with another salt, see filter.h.
 * *sum: of all entries but the info.
 */
static int
fill_filter(struct writing *w, unsigned char *filter, bool *again,
    uint64_t *sum)
{
	struct announced a = { .n = 0 };
	MDB_val key, value;
	MDB_cursor *cursor;
	int error = mdb_cursor_open(w->txn, w->dbi, &cursor);

	*again = false;
	*sum = 0;
	if (error != 0)
		return error;
	while (!*again && (error = mdb_cursor_get(cursor, &key, &value,
	    MDB_NEXT)) == 0) {
		struct slice name = slice_make(key.mv_data, key.mv_size);
		uint64_t entry;

		if (format_is(name, FORMAT_INFO) || format_is_apart(name))
			continue;
		*sum += entry = format_sum(&key, &value);
		if (format_is(name, FORMAT_FILTER))
			continue;
		a.hash[a.n] = filter_announce(&w->info.filter, filter,
		    key.mv_data, key.mv_size);
		a.sum[a.n++] = entry;
		if (a.n == sizeof a.hash / sizeof a.hash[0])
			*again = !add_announced(w, filter, &a);
	}
	*again = !add_announced(w, filter, &a) || *again;
	mdb_cursor_close(cursor);
	return error == MDB_NOTFOUND ? 0 : error;
}

/*
 * What was there and was damaged would stay so behind a commit: all has to come
 * to what it should.  Keys that no salt tells apart are one key, twice.
 */
static bool
not_as_written(struct writing *w)
{
	fault_set(w->fault, FAULT_DATA, "%s: damaged (its contents are not "
	    "what was written); remove it and build the store again", w->path);
	return writing_give_up(w);
}

static bool
put_filter(struct writing *w)
{
	enum { SALTS = 20 };
	static const char name[] = { FORMAT_SYSTEM, FORMAT_FILTER };
	uint64_t salt = w->info.sum, sum;
	unsigned char *filter;
	bool again, good;
	int tried = 0;
	MDB_stat stat;
	size_t size;
	int error = mdb_stat(w->txn, w->dbi, &stat);

	if (error != 0)
		return writing_failed(w, error);
	size = filter_size(stat.ms_entries);
	if ((filter = malloc(size)) == NULL)
		return writing_failed(w, ENOMEM);
	do {
		salt = (salt ^ mdb_txn_id(w->txn)) *
		    UINT64_C(0x9e3779b97f4a7c15);
		filter_make(&w->info.filter, filter, stat.ms_entries, salt);
		error = fill_filter(w, filter, &again, &sum);
	} while (again && error == 0 && ++tried < SALTS);
	filter_seal(&w->info.filter, filter);
	good = error != 0 ? writing_failed(w, error) : again ||
	    sum != w->info.sum ? not_as_written(w) :
	    writing_put(w, name, sizeof name, filter, size, 0);
	free(filter);
	return good;
}

static bool
put_info(struct writing *w)
{
	char name[] = { FORMAT_SYSTEM, FORMAT_INFO };
	MDB_val key = { sizeof name, name };
	MDB_val value = { sizeof w->info, &w->info };
	int error;

	if (w->by->number != 0)
		w->info.info.generation = w->by->number;
	else
		w->info.info.generation++;
	w->info.info.built_at = w->by->now;
	w->info.txnid = mdb_txn_id(w->txn);
	w->info.check = format_check(&w->info, sizeof w->info);
	error = mdb_put(w->txn, w->dbi, &key, &value, 0);
	return error == 0 || writing_failed(w, error);
}

bool
writing_commit(struct writing *w, struct store_info *info)
{
	MDB_txn *txn;
	int error;

	if (!put_filter(w) || !put_info(w))
		return false;
	if (!writing_holds(w))
		return writing_give_up(w);
	txn = w->txn;
	w->txn = NULL;
	if ((error = mdb_txn_commit(txn)) != 0)
		return store_lmdb_fault(w->fault, error, w->path);
	if (info != NULL)
		*info = w->info.info;
	return true;
}
