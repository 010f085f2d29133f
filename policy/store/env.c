/*
 * LMDB's environment: opening it, its errors in words, its readers' slots.
 */
#include "config.h"

#include <sys/stat.h>
#include <sys/statvfs.h>

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "policy/store/store-internal.h"

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

/* LMDB's own header of the lock file is two cache lines, a reader is one. */
enum { LINE_BYTES = 64, LOCK_BYTES = LINE_BYTES * (FORMAT_READERS + 2) };
enum { OPEN_S = 5 }; /* open(2) of a file does not wait, that of a FIFO does */

/* A write that stopped half-way is EIO to LMDB. */
static bool
is_disk_full(const char *path)
{
	struct statvfs st;

	return statvfs(path, &st) == 0 && st.f_bavail == 0;
}

bool
store_lmdb_fault(struct fault *fault, int error, const char *path)
{
	if (error == MDB_MAP_FULL || error == ENOSPC)
		return fault_set(fault, FAULT_IO, "%s: no room left: %s", path,
		    mdb_strerror(error));
	if (error == EIO && is_disk_full(path))
		return store_lmdb_fault(fault, ENOSPC, path);
	if (error == EIO)
		return fault_set(fault, FAULT_IO, "%s: %s (is there no room "
		    "left?)", path, mdb_strerror(error));
	if (error == EINTR)
		return fault_set(fault, FAULT_IO, "%s: it or %s-lock did not "
		    "open in %d s: not a regular file?", path, path, OPEN_S);
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

/*
 * LMDB makes the lock file longer by ftruncate(2) and writes to it by its map,
 * where a disk without room is SIGBUS.  So its blocks are asked for before;
 * the size stays, as others may have it open.  Where there is no fallocate(2), or the
 * file cannot be opened, LMDB is left to find out.
 */
static bool
fill_lock_file(const char *path, unsigned flags, struct fault *fault)
{
	const int how = O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
	char name[4096];
	struct stat st;
	bool made = false, full;
	int fd, error;

	if ((flags & MDB_RDONLY) != 0 && access(path, F_OK) != 0)
		return true;
	snprintf(name, sizeof name, "%s-lock", path);
	if ((fd = open(name, how)) == -1 && errno == ENOENT) {
		fd = open(name, how | O_CREAT | O_EXCL, 0640);
		made = fd != -1;
		if (fd == -1 && errno == ENOSPC)
			return fault_errno(fault, FAULT_IO, errno, "%s", name);
	}
	if (fd == -1)
		return true;
	full = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    (st.st_size < LOCK_BYTES || st.st_blocks * 512 < st.st_size) &&
	    fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, LOCK_BYTES) == -1 &&
	    (errno == ENOSPC || errno == EDQUOT);
	error = errno;
	close(fd);
	if (full && made)
		(void)unlink(name);
	return !full || fault_errno(fault, FAULT_IO, error, "%s", name);
}

/* LMDB's assert: reached when a file is damaged after it was checked. */
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

static void
wake(int signal)
{
	(void)signal;
}

/*
 * Whoever owns the folder can have put a FIFO in the place of what was looked
 * at, and LMDB takes no descriptor.  A signal to this thread ends the waiting.
 */
static int
open_in_time(MDB_env *env, const char *path, unsigned flags)
{
	const struct itimerspec limit = { .it_value.tv_sec = OPEN_S,
		.it_interval.tv_sec = 1 };
	const struct sigaction interrupt = { .sa_handler = wake };
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID,
		.sigev_signo = SIGALRM, .sigev_notify_thread_id = gettid() };
	struct sigaction action;
	sigset_t alarm, mask;
	timer_t timer;
	int error;

	if (timer_create(CLOCK_MONOTONIC, &event, &timer) == -1)
		return errno;
	sigemptyset(&alarm);
	sigaddset(&alarm, SIGALRM);
	sigaction(SIGALRM, &interrupt, &action);
	pthread_sigmask(SIG_UNBLOCK, &alarm, &mask);
	timer_settime(timer, 0, &limit, NULL);
	error = mdb_env_open(env, path, flags, 0640);
	timer_delete(timer);
	pthread_sigmask(SIG_SETMASK, &mask, NULL);
	sigaction(SIGALRM, &action, NULL);
	return error;
}

bool
store_open_env(const char *path, unsigned flags, MDB_env **env,
    struct fault *fault)
{
	int error, dead;

	if (((flags & MDB_NOLOCK) == 0 && (!store_wait_to_open(path, fault) ||
	    !fill_lock_file(path, flags, fault))) ||
	    !make_env(path, env, fault))
		return false;
	error = open_in_time(*env, path, MDB_NOSUBDIR | MDB_NOTLS | flags);
	if (error == 0) {
		mdb_reader_check(*env, &dead);
		return true;
	}
	mdb_env_close(*env);
	*env = NULL;
	return store_lmdb_fault(fault, error, path);
}

int
store_clear_dead_readers(struct store *store)
{
	int dead = 0;

	mdb_reader_check(store->env, &dead);
	return dead;
}
