/*
 * Opening, and what is looked at before a file is trusted.
 */
#include <sys/stat.h>

#include <errno.h>
#include <lmdb.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy/base/folder.h"
#include "policy/store/check.h"
#include "policy/store/format.h"

bool
store_lmdb_fault(struct fault *fault, int error, const char *path)
{
	if (error == MDB_MAP_FULL || error == ENOSPC)
		return fault_set(fault, FAULT_IO, "%s: no room left: %s", path,
		    mdb_strerror(error));
	/* LMDB's word for a write that stopped half-way, too. */
	if (error == EIO)
		return fault_set(fault, FAULT_IO, "%s: %s (is there no room "
		    "left?)", path, mdb_strerror(error));
	if (error == ENOENT)
		return fault_set(fault, FAULT_NOINPUT, "%s: no such store; "
		    "make it with tlspolicy build", path);
	if (error == EACCES || error == EPERM)
		return fault_set(fault, FAULT_NOINPUT, "%s: %s (a reader "
		    "needs to read it and to write %s-lock)", path,
		    mdb_strerror(error), path);
	if (error > 0)
		return fault_set(fault, FAULT_IO, "%s: %s", path,
		    mdb_strerror(error));
	return fault_set(fault, FAULT_DATA, "%s: %s", path,
	    mdb_strerror(error));
}

/* Only ever reached by a file that was damaged after it was checked. */
static void
lmdb_asserted(MDB_env *env, const char *message)
{
	const char *path = "store";

	mdb_env_get_path(env, &path);
	fprintf(stderr, "%s: LMDB gave up: %s\n", path, message);
}

static bool
make_env(const char *path, MDB_env **env, struct fault *fault)
{
	int error = mdb_env_create(env);

	if (error != 0)
		return store_lmdb_fault(fault, error, path);
	mdb_env_set_assert(*env, lmdb_asserted);
	if ((error = mdb_env_set_mapsize(*env, FORMAT_MAP_SIZE)) == 0 &&
	    (error = mdb_env_set_maxreaders(*env, FORMAT_READERS)) == 0)
		return true;
	mdb_env_close(*env);
	*env = NULL;
	return store_lmdb_fault(fault, error, path);
}

bool
store_open_env(const char *path, unsigned flags, MDB_env **env,
    struct fault *fault)
{
	int error, dead;

	if (!make_env(path, env, fault))
		return false;
	error = mdb_env_open(*env, path, MDB_NOSUBDIR | MDB_NOTLS | flags,
	    0640);
	if (error == 0) {
		mdb_reader_check(*env, &dead);
		return true;
	}
	mdb_env_close(*env);
	*env = NULL;
	return store_lmdb_fault(fault, error, path);
}

bool
store_read_info(MDB_txn *txn, MDB_dbi dbi, const char *path,
    struct format_info *info, struct fault *fault)
{
	static char name[] = { FORMAT_SYSTEM, FORMAT_INFO };
	MDB_val key = { sizeof name, name }, value;
	int error = mdb_get(txn, dbi, &key, &value);

	if (error != 0 && error != MDB_NOTFOUND)
		return store_lmdb_fault(fault, error, path);
	if (error == MDB_NOTFOUND || value.mv_size < 16 ||
	    memcmp(value.mv_data, FORMAT_MAGIC, 8) != 0)
		return fault_set(fault, FAULT_DATA, "%s: an LMDB file, but "
		    "not a tlspolicy store", path);
	memset(info, 0, sizeof *info);
	memcpy(info, value.mv_data, value.mv_size < sizeof *info ?
	    value.mv_size : sizeof *info);
	if (info->version != FORMAT_VERSION || info->order != FORMAT_ORDER ||
	    value.mv_size != sizeof *info)
		return fault_set(fault, FAULT_DATA, "%s: format version %u of "
		    "another program or machine; expected %d (remove it and "
		    "build again)", path, (unsigned)info->version,
		    FORMAT_VERSION);
	return true;
}

static int
stat_lock(const char *path, struct stat *st)
{
	char name[4096];

	snprintf(name, sizeof name, "%s-lock", path);
	return stat(name, st);
}

static bool
remember_file(struct store *store, struct fault *fault)
{
	mdb_filehandle_t fd;
	struct stat st, lock;

	if (mdb_env_get_fd(store->env, &fd) != 0 || fstat(fd, &st) != 0 ||
	    stat_lock(store->path, &lock) != 0)
		return fault_errno(fault, FAULT_IO, errno, "%s", store->path);
	store->dev = st.st_dev;
	store->ino = st.st_ino;
	store->size = st.st_size;
	store->lock_ino = lock.st_ino;
	return true;
}

/* Adds up all entries but the info. */
static int
sum_entries(MDB_txn *txn, MDB_dbi dbi, uint64_t *sum)
{
	MDB_cursor *cursor;
	MDB_val key, value;
	int error = mdb_cursor_open(txn, dbi, &cursor);

	*sum = 0;
	if (error != 0)
		return error;
	while ((error = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0)
		if (key.mv_size != 2 || memcmp(key.mv_data,
		    (char[]){ FORMAT_SYSTEM, FORMAT_INFO }, 2) != 0)
			*sum += format_sum(&key, &value);
	mdb_cursor_close(cursor);
	return error == MDB_NOTFOUND ? 0 : error;
}

/* What the pages hold is what was written into them. */
static bool
check_contents(struct store *store, MDB_txn *txn, struct fault *fault)
{
	struct format_info info;
	uint64_t sum;
	int error;

	if (!store_read_info(txn, store->dbi, store->path, &info, fault))
		return false;
	if ((error = sum_entries(txn, store->dbi, &sum)) != 0)
		return store_lmdb_fault(fault, error, store->path);
	return (info.check == format_check(&info) && info.sum == sum &&
	    info.txnid == mdb_txn_id(txn)) || fault_set(fault, FAULT_DATA,
	    "%s: damaged (its contents are not what was written); remove it "
	    "and build the store again", store->path);
}

/* Pages first, then what they say; `gone` as store_check_pages() tells. */
static bool
look_at_snapshot(struct store *store, bool *gone, struct fault *fault)
{
	MDB_txn *txn;
	bool good;
	int error;

	error = mdb_txn_begin(store->env, NULL, MDB_RDONLY, &txn);
	if (error != 0)
		return store_lmdb_fault(fault, error, store->path);
	good = store_check_pages(store->path, mdb_txn_id(txn), gone, fault);
	if (!good || *gone) {
		mdb_txn_abort(txn);
		return good;
	}
	if ((error = mdb_dbi_open(txn, NULL, 0, &store->dbi)) != 0) {
		mdb_txn_abort(txn);
		return store_lmdb_fault(fault, error, store->path);
	}
	good = check_contents(store, txn, fault);
	/* Commit, so that the handle stays open for all transactions. */
	error = mdb_txn_commit(txn);
	return good && (error == 0 ||
	    store_lmdb_fault(fault, error, store->path));
}

static bool
first_look(struct store *store, struct fault *fault)
{
	enum { TRIES = 100 };
	bool gone = true;

	if (!remember_file(store, fault))
		return false;
	for (int i = 0; gone && i < TRIES; i++)
		if (!look_at_snapshot(store, &gone, fault))
			return false;
	return !gone || fault_set(fault, FAULT_UNAVAILABLE,
	    "%s: written too often to be checked", store->path);
}

struct store *
store_open(const char *path, struct fault *fault)
{
	struct store *store;

	if (!folder_is_ours(path, fault) || !store_check_file(path, fault))
		return NULL;
	store = calloc(1, sizeof *store);
	if (store == NULL || (store->path = strdup(path)) == NULL) {
		free(store);
		fault_set(fault, FAULT_UNAVAILABLE, "out of memory");
		return NULL;
	}
	pool_init(&store->resting);
	if (!store_open_env(path, MDB_RDONLY, &store->env, fault))
		store->env = NULL;
	if (store->env == NULL || !first_look(store, fault)) {
		store_close(store);
		return NULL;
	}
	return store;
}

void
store_close(struct store *store)
{
	struct store_resting *r;

	if (store == NULL)
		return;
	while ((r = pool_take(&store->resting)) != NULL)
		store_discard(r);
	if (store->env != NULL)
		mdb_env_close(store->env);
	free(store->path);
	free(store);
}

const char *
store_path(const struct store *store)
{
	return store->path;
}

/*
 * A writer that found no lock file has made one, and neither sees our readers
 * there nor tells them of its commits.  While there is none, nobody writes.
 */
bool
store_is_current(const struct store *store)
{
	struct stat st, lock;

	return stat(store->path, &st) == 0 && st.st_dev == store->dev &&
	    st.st_ino == store->ino && st.st_size >= store->size &&
	    (stat_lock(store->path, &lock) != 0 ||
	    lock.st_ino == store->lock_ino);
}

bool
store_is_whole(const struct store *store, struct fault *fault)
{
	mdb_filehandle_t fd;
	struct stat st;

	if (mdb_env_get_fd(store->env, &fd) != 0 || fstat(fd, &st) != 0)
		return fault_errno(fault, FAULT_IO, errno, "%s", store->path);
	return st.st_size >= store->size || fault_set(fault, FAULT_DATA,
	    "%s: cut off (%lld of %lld bytes)", store->path,
	    (long long)st.st_size, (long long)store->size);
}

int
store_clear_dead_readers(struct store *store)
{
	int dead = 0;

	mdb_reader_check(store->env, &dead);
	return dead;
}

/* "PID THREAD TXN", one reader a line, below a heading. */
static int
count_line(const char *line, void *arg)
{
	line += strspn(line, " ");
	if (*line >= '0' && *line <= '9')
		++*(unsigned *)arg;
	return 0;
}

void
store_reader_slots(struct store *store, unsigned *used, unsigned *all)
{
	*used = 0;
	mdb_reader_list(store->env, count_line, used);
	mdb_env_get_maxreaders(store->env, all);
}
