/*
 * Other processes have the store's lock file, too.  LMDB waits for them without
 * end and without a word: when it opens it, for whoever locks its first byte;
 * when a transaction begins, for whoever has a mutex that lies in it.  One of
 * ours that was stopped, or anybody who may write the lock file, can have them
 * for ever.
 *
 * So the byte is looked at before, and writers queue up for a byte of their own,
 * which tells who has it.  Nothing leads out of pthread_mutex_lock(3), for which
 * they do not compete among themselves then: its end is the program's.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "policy/store/rebuild.h"
#include "policy/store/store-internal.h"

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

enum { TELL_S = 3, OPENER_S = 5, WRITER_S = 300, MUTEX_S = 60 };

/* LMDB locks the first byte, and those whose numbers are process ids. */
static const off_t writer_byte = (off_t)1 << 40;

struct wait {
	const char *path;
	int fd;
	bool whole; /* flock(2), which tells no holder; else a byte by fcntl(2) */
	short type;
	off_t byte;
	bool take;
	const char *what; /* does its holder */
	unsigned seconds;
};

enum held { HELD_NO, HELD_YES, HELD_FAILED };

static enum held
look_at_whole(const struct wait *w)
{
	if (flock(w->fd, LOCK_EX | LOCK_NB) == 0)
		return HELD_NO;
	return errno == EWOULDBLOCK || errno == EINTR ? HELD_YES : HELD_FAILED;
}

static enum held
look(const struct wait *w, pid_t *holder)
{
	struct flock lock = { .l_type = w->type, .l_whence = SEEK_SET,
		.l_start = w->byte, .l_len = 1 };

	if (w->whole)
		return look_at_whole(w);
	if (w->take) {
		if (fcntl(w->fd, F_SETLK, &lock) == 0)
			return HELD_NO;
		if (errno != EAGAIN && errno != EACCES)
			return HELD_FAILED;
	}
	if (fcntl(w->fd, F_GETLK, &lock) == -1)
		return HELD_FAILED;
	if (lock.l_type != F_UNLCK)
		*holder = lock.l_pid;
	else if (!w->take)
		return HELD_NO;
	return HELD_YES;
}

static bool
wait_for(const struct wait *w, struct fault *fault)
{
	const struct timespec tenth = { .tv_nsec = 100000000 };
	enum held held;
	pid_t holder = 0;
	char who[40] = "another process";

	for (unsigned tenths = 0; (held = look(w, &holder)) == HELD_YES;
	    tenths++) {
		if (holder != 0)
			snprintf(who, sizeof who, "process %ld", (long)holder);
		if (tenths == 10 * w->seconds)
			return fault_set(fault, FAULT_UNAVAILABLE, "%s: %s %s "
			    "and did not let go in %u s", w->path, who,
			    w->what, w->seconds);
		if (tenths == 10 * TELL_S)
			fprintf(stderr, "%s: waiting for %s, which %s\n",
			    w->path, who, w->what);
		nanosleep(&tenth, NULL);
	}
	return held == HELD_NO || fault_errno(fault, FAULT_IO, errno,
	    w->whole ? "%s" : "%s-lock", w->path);
}

/*
 * A lock file that is missing or is no file is no reason to wait: LMDB reports
 * it.
 */
bool
store_wait_to_open(const char *path, struct fault *fault)
{
	char name[4096];
	struct wait w = { .path = path, .type = F_RDLCK,
		.what = "has locked the store", .seconds = OPENER_S };
	bool good;

	snprintf(name, sizeof name, "%s-lock", path);
	w.fd = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (w.fd == -1)
		return true;
	good = wait_for(&w, fault);
	close(w.fd);
	return good;
}

bool
store_wait_to_write(const char *path, int *fd, struct fault *fault)
{
	char name[4096];
	struct wait w = { .path = path, .type = F_WRLCK, .byte = writer_byte,
		.take = true, .what = "is writing it", .seconds = WRITER_S };

	snprintf(name, sizeof name, "%s-lock", path);
	w.fd = *fd = open(name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (w.fd == -1)
		return fault_errno(fault, FAULT_IO, errno, "%s", name);
	return wait_for(&w, fault);
}

/*
 * Locks the folder, not the lock file: any descriptor of that file which this
 * process closes would drop all of its locks there.
 */
bool
rebuild_lock(const char *path, int *fd, struct fault *fault)
{
	const char *slash = strrchr(path, '/');
	char *folder = slash == NULL ? strdup("./") :
	    strndup(path, (size_t)(slash - path) + 1);
	struct wait w = { .path = folder, .whole = true,
		.what = "has locked this folder", .seconds = WRITER_S };
	bool good;

	if (folder == NULL)
		return fault_no_memory(fault);
	w.fd = *fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	good = w.fd != -1 ? wait_for(&w, fault) : fault_errno(fault,
	    FAULT_NOINPUT, errno, "cannot open %s", folder);
	free(folder);
	return good;
}

/* On a thread's stack in store_begin_txn(). */
static void
give_up(int number, siginfo_t *info, void *context)
{
	const char *message = info->si_value.sival_ptr;

	(void)number;
	(void)context;
	if (info->si_code != SI_TIMER || message == NULL)
		return;
	if (write(STDERR_FILENO, message, strlen(message)) == -1)
		_exit(FAULT_IO);
	_exit(FAULT_UNAVAILABLE);
}

int
store_begin_txn(MDB_env *env, const char *path, unsigned flags, MDB_txn **txn)
{
	const struct itimerspec limit = { .it_value.tv_sec = MUTEX_S };
	struct sigaction action = { .sa_sigaction = give_up,
		.sa_flags = SA_SIGINFO | SA_RESTART };
	char message[512];
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID,
		.sigev_signo = SIGVTALRM, .sigev_value.sival_ptr = message,
		.sigev_notify_thread_id = gettid() };
	sigset_t alone, mask;
	timer_t timer;
	int error;

	snprintf(message, sizeof message, "%.400s: another program had the "
	    "store locked for %d s\n", path, MUTEX_S);
	sigemptyset(&alone);
	sigaddset(&alone, SIGVTALRM);
	/* The handler stays: another thread may be waiting here. */
	sigaction(SIGVTALRM, &action, NULL);
	if (timer_create(CLOCK_MONOTONIC, &event, &timer) == -1)
		return errno;
	pthread_sigmask(SIG_UNBLOCK, &alone, &mask);
	timer_settime(timer, 0, &limit, NULL);
	error = mdb_txn_begin(env, NULL, flags, txn);
	timer_delete(timer);
	pthread_sigmask(SIG_SETMASK, &mask, NULL);
	return error;
}

int
store_begin_reader(const struct store *store, MDB_txn **txn)
{
	return store->unlocked ?
	    mdb_txn_begin(store->env, NULL, MDB_RDONLY, txn) :
	    store_begin_txn(store->env, store->path, MDB_RDONLY, txn);
}
