/*
 * Who may write a store's lock file holds what LMDB locks in it, each lock for
 * ever: whoever comes is told by whom, and ends.  Who lets go is waited for.
 * Time passes as this program says.
 */
#include "config.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <dlfcn.h>
#include <fcntl.h>
#include <lmdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "policy/store/rebuild-internal.h"
#include "policy/store/rebuild.h"
#include "policy/store/watch.h"
#include "t/unit.h"

enum { READER_MUTEX = 8, WRITER_MUTEX = 64 }; /* offsets in LMDB's lock file */

static unsigned waited, end_at;
static pid_t holder;
static bool hurry; /* a timer that is set ends after 50 ms */

int
nanosleep(const struct timespec *want, struct timespec *left)
{
	(void)want;
	(void)left;
	if (++waited == end_at) {
		kill(holder, SIGKILL);
		waitpid(holder, NULL, 0);
	}
	return 0;
}

int
timer_settime(timer_t timer, int flags, const struct itimerspec *limit,
    struct itimerspec *old)
{
	static int (*real)(timer_t, int, const struct itimerspec *,
	    struct itimerspec *);
	struct itimerspec soon = { .it_value.tv_nsec = 50000000 };

	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "timer_settime");
	return real(timer, flags, hurry ? &soon : limit, old);
}

/*
 * A child that holds a lock by `hold`, tells when it has it, and keeps it until
 * it is killed.
 */
static void
have_held(const char *path, void (*hold)(const char *path))
{
	int ends[2];
	char c;

	waited = end_at = 0;
	assert_int_equal(pipe(ends), 0);
	holder = fork();
	if (holder == 0) {
		hold(path);
		if (write(ends[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ends[1]);
	assert_int_equal(read(ends[0], &c, 1), 1);
	close(ends[0]);
}

static void
let_go(void)
{
	kill(holder, SIGKILL);
	waitpid(holder, NULL, 0);
}

static int
open_lock(const char *path)
{
	char name[4096];
	int fd;

	snprintf(name, sizeof name, "%s-lock", path);
	if ((fd = open(name, O_RDWR)) == -1)
		_exit(1);
	return fd;
}

static void
hold_first_byte(const char *path)
{
	struct flock lock = { .l_type = F_WRLCK, .l_len = 1 };

	if (fcntl(open_lock(path), F_SETLK, &lock) == -1)
		_exit(1);
}

/*
 * LMDB's mutexes are in the lock file while somebody has the store open; the
 * last to close it destroys them.
 */
static void
hold_mutex(const char *path, size_t at)
{
	struct fault fault;
	MDB_env *env;
	unsigned char *map;

	if (!store_open_env(path, 0, &env, &fault))
		_exit(1);
	map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED,
	    open_lock(path), 0);
	if (map == MAP_FAILED ||
	    pthread_mutex_lock((pthread_mutex_t *)(void *)(map + at)) != 0)
		_exit(1);
}

static void
hold_readers(const char *path)
{
	hold_mutex(path, READER_MUTEX);
}

static void
hold_writers(const char *path)
{
	hold_mutex(path, WRITER_MUTEX);
}

/*
 * Holds the lock of a build that was stopped between its begin and its commit.
 */
static void
hold_writing(const char *path)
{
	static struct writing w;
	static struct fault fault;

	if (!writing_begin(&w, path, REBUILD_DURABLE,
	    &(struct authorship){ .now = 2 }, &fault))
		_exit(1);
}

static bool
set_rule(const char *path, struct fault *fault)
{
	struct store_info info;
	struct rulefile file;
	bool good;

	unit_read_rules(&file, "TLS_Clt:new.example OK\n");
	good = rebuild_set(path, &file, &(struct authorship){ .now = 2 },
	    &info, NULL, fault);
	rulefile_free(&file);
	return good;
}

static void
says(const char *row, const char *what, const struct fault *fault)
{
	char want[256];

	snprintf(want, sizeof want, "process %ld %s and did not let go",
	    (long)holder, what);
	if (strstr(fault->text, want) == NULL)
		unit_same(row, want, fault->text);
	unit_number(row, FAULT_UNAVAILABLE, fault->kind);
}

static long long
generation(const char *path)
{
	struct store_reader reader;
	struct fault fault;
	struct store *store = store_open_unlocked(path, NULL, &fault);
	long long n;

	assert_non_null(store);
	assert_true(store_begin(store, &reader, &fault));
	n = (long long)reader.info.generation;
	store_end(&reader);
	store_close(store);
	return n;
}

static void
test_first_byte(void **state)
{
	const char *path = unit_build("first", "TLS_Clt: OK\n", 1);
	struct store *store;
	struct fault fault;

	(void)state;
	have_held(path, hold_first_byte);
	assert_null(store_open(path, &fault));
	says("reader", "has locked the store", &fault);
	unit_number("tenths of a second", 50, waited);
	assert_false(set_rule(path, &fault));
	says("writer", "has locked the store", &fault);
	unit_number("as it was", 1, generation(path));

	end_at = waited + 20;
	store = store_open(path, &fault);
	assert_non_null(store);
	store_close(store);
	unit_number("was waited for", end_at, waited);
	assert_true(set_rule(path, &fault));
	unit_number("the next one", 2, generation(path));
	unit_end();
}

static void
test_writer(void **state)
{
	const char *path = unit_build("writer", "TLS_Clt: OK\n", 1);
	struct store *store;
	struct fault fault;

	(void)state;
	have_held(path, hold_writing);
	assert_false(set_rule(path, &fault));
	says("set", "is writing it", &fault);
	unit_number("tenths of a second", 3000, waited);
	unit_number("as it was", 1, generation(path));

	store = store_open(path, &fault); /* a reader need not wait */
	assert_non_null(store);
	store_close(store);

	waited = 0;
	end_at = 2000;
	assert_true(set_rule(path, &fault));
	unit_number("was waited for", 2000, waited);
	unit_number("the next one", 2, generation(path));
	unit_end();
}

/*
 * Only the end of the process ends a wait for a mutex: `what` runs in a child.
 */
static void
ends(const char *row, bool (*what)(const char *path), const char *path)
{
	char text[1024] = "", want[256];
	int status, fds[2];
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		hurry = true;
		dup2(fds[1], STDERR_FILENO);
		_exit(what(path) ? 0 : 1);
	}
	close(fds[1]);
	n = read(fds[0], text, sizeof text - 1);
	text[n < 0 ? 0 : n] = '\0';
	close(fds[0]);
	waitpid(pid, &status, 0);
	unit_number(row, FAULT_UNAVAILABLE << 8, status);
	snprintf(want, sizeof want, "%s: another program had the store locked "
	    "for 60 s\n", path);
	unit_same(row, want, text);
}

static bool
read_it(const char *path)
{
	struct fault fault;
	struct store *store = store_open(path, &fault);

	store_close(store);
	return store != NULL;
}

static bool
write_it(const char *path)
{
	struct fault fault;

	return set_rule(path, &fault);
}

static void
test_mutexes(void **state)
{
	const char *path = unit_build("mutex", "TLS_Clt: OK\n", 1);

	(void)state;
	have_held(path, hold_readers);
	ends("readers' mutex", read_it, path);
	unit_number("who takes no lock", 1, generation(path));
	let_go();
	assert_true(read_it(path));

	have_held(path, hold_writers);
	ends("writers' mutex", write_it, path);
	assert_true(read_it(path));
	let_go();
	assert_true(write_it(path));
	unit_number("the next one", 2, generation(path));
	unit_end();
}

/*
 * POSIX drops all locks of a process on a file when it closes any descriptor
 * of it: the first build of a store keeps LMDB's while it writes.
 */
static void
test_locks_are_kept(void **state)
{
	const char *path = unit_path("kept");
	struct flock lock = { .l_type = F_WRLCK, .l_len = 1 };

	(void)state;
	have_held(path, hold_writing);
	assert_int_equal(fcntl(open_lock(path), F_GETLK, &lock), 0);
	unit_number("LMDB's", F_RDLCK, lock.l_type);
	let_go();
	unit_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_byte),
		cmocka_unit_test(test_writer),
		cmocka_unit_test(test_mutexes),
		cmocka_unit_test(test_locks_are_kept),
	};

	return unit_main(tests);
}
