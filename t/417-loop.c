/*
 * What keeps the daemon alive when the system's calls fail: connections that
 * cannot be accepted, poll(2) without memory, libevent without memory, signals,
 * settings that cannot be read again, the log.
 */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>
#include <libmilter/mfapi.h>

#include "milter/accept.h"
#include "milter/evmemory.h"
#include "milter/handover.h"
#include "milter/log.h"
#include "milter/readahead.h"
#include "milter/reload.h"
#include "milter/signals.h"
#include "milter/worker.h"
#include "t/unit.h"

/*
 * A thread sanitizer's poll(2) stands before the daemon's, which is never
 * called.
 */
#if defined __SANITIZE_THREAD__
#define OTHER_POLL true
#elif defined __has_feature
#if __has_feature(thread_sanitizer)
#define OTHER_POLL true
#endif
#endif
#ifndef OTHER_POLL
#define OTHER_POLL false
#endif

static const char *failing; /* the call that fails; NULL: none */
static int error;	    /* with this errno */
static int times;	    /* how often it fails; 0: always */
static int nfailed;
static int64_t ahead;	    /* by which clock_gettime(2) is ahead */
static char said[4096];	    /* what was logged last */
static int priority_of_said;
static atomic_bool was_said; /* set when something was logged */
static int64_t patience;     /* timeout of the last ppoll(2), in seconds */
static bool silent;	     /* ppoll(2) ends by its timeout, and the clock has gone on */

static bool
fails(const char *name)
{
	if (failing == NULL || strcmp(failing, name) != 0)
		return false;
	if (times != 0 && nfailed >= times)
		return false;
	nfailed++;
	errno = error;
	return true;
}

static void
arm(const char *name, int with, int n)
{
	failing = name, error = with, times = n, nfailed = 0;
}

/* The system's calls, by the linker's --wrap (Makefile.am). */
int __wrap_accept4(int, struct sockaddr *, socklen_t *, int);
int __real_getrlimit(int, struct rlimit *);
int __wrap_getrlimit(int, struct rlimit *);
int __real_clock_gettime(clockid_t, struct timespec *);
int __wrap_clock_gettime(clockid_t, struct timespec *);
int __real_ppoll(struct pollfd *, nfds_t, const struct timespec *,
    const sigset_t *);
int __wrap_ppoll(struct pollfd *, nfds_t, const struct timespec *,
    const sigset_t *);
void *__real_realloc(void *, size_t);
void *__wrap_realloc(void *, size_t);
void *__real_malloc(size_t);
void *__wrap_malloc(size_t);
int __real_pipe2(int *, int);
int __wrap_pipe2(int *, int);
int __real_access(const char *, int);
int __wrap_access(const char *, int);
int __wrap_smfi_main(void);
void __wrap_syslog(int, const char *, ...)
    __attribute__((format(printf, 2, 3)));
void __wrap___syslog_chk(int, int, const char *, ...)
    __attribute__((format(printf, 3, 4)));

static int next_fd = 3;

int
__wrap_accept4(int fd, struct sockaddr *a, socklen_t *n, int flags)
{
	(void)fd;
	(void)a;
	(void)n;
	assert_true((flags & SOCK_CLOEXEC) != 0);
	return fails("accept4") ? -1 : next_fd;
}

int
__wrap_getrlimit(int what, struct rlimit *limit)
{
	return fails("getrlimit") ? -1 : __real_getrlimit(what, limit);
}

int
__wrap_clock_gettime(clockid_t id, struct timespec *t)
{
	int result = __real_clock_gettime(id, t);

	t->tv_sec += ahead;
	return result;
}

int
__wrap_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *limit,
    const sigset_t *set)
{
	patience = limit == NULL ? -1 : limit->tv_sec;
	if (silent) {
		ahead += patience;
		return 0;
	}
	return fails("ppoll") ? -1 : __real_ppoll(fds, n, limit, set);
}

void *
__wrap_realloc(void *p, size_t n)
{
	return fails("realloc") ? NULL : __real_realloc(p, n);
}

/* A compiler may call malloc(n) for realloc(NULL, n). */
void *
__wrap_malloc(size_t n)
{
	return fails("malloc") || fails("realloc") ? NULL : __real_malloc(n);
}

int
__wrap_pipe2(int *ends, int flags)
{
	return fails("pipe2") ? -1 : __real_pipe2(ends, flags);
}

int
__wrap_access(const char *path, int how)
{
	return fails("access") ? -1 : __real_access(path, how);
}

int
__wrap_smfi_main(void)
{
	return fails("smfi_main") ? MI_FAILURE : MI_SUCCESS;
}

static void note_syslog(int priority, const char *fmt, va_list)
    __attribute__((format(printf, 2, 0)));

static void
note_syslog(int priority, const char *fmt, va_list ap)
{
	priority_of_said = priority;
	vsnprintf(said, sizeof said, fmt, ap);
	atomic_store(&was_said, true);
}

void
__wrap_syslog(int priority, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	note_syslog(priority, fmt, ap);
	va_end(ap);
}

/* The name of syslog(3) under _FORTIFY_SOURCE. */
void
__wrap___syslog_chk(int priority, int flag, const char *fmt, ...)
{
	va_list ap;

	(void)flag;
	va_start(ap, fmt);
	note_syslog(priority, fmt, ap);
	va_end(ap);
}

/*
 * accept(): errors after which libmilter accepts again are handed on; others
 * mean a pause.
 */
static void
test_accept(void **state)
{
	static const struct {
		int error, told;
	} rows[] = {
		{ EINTR, EINTR }, { EAGAIN, EAGAIN },
		{ ECONNABORTED, ECONNABORTED }, { EBADF, EBADF },
		{ EFAULT, EFAULT }, { EINVAL, EINVAL },
		{ ENOTSOCK, ENOTSOCK }, { EOPNOTSUPP, EOPNOTSUPP },
		{ EMFILE, EMFILE }, { ENFILE, EMFILE }, { ENOMEM, EMFILE },
		{ ENETDOWN, EMFILE }, { EPERM, EMFILE },
	};

	(void)state;
	log_init("t", true);
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		const char *name = strerror(rows[i].error);

		arm("accept4", rows[i].error, 0);
		unit_number(name, -1, accept(0, NULL, NULL));
		unit_number(name, rows[i].told, errno);
	}
	arm(NULL, 0, 0);
	unit_number("well", 3, accept(0, NULL, NULL));
	unit_end();
}

static void
test_accept_says_so(void **state)
{
	static struct metrics m;
	struct accept_trouble t = { .where = "here: " };

	(void)state;
	metrics_init(&m);
	accept_init(&m);
	said[0] = '\0';
	accept_failed(&t, EMFILE);
	assert_string_equal(said, "here: cannot accept connections; they wait: "
	    "Too many open files");
	said[0] = '\0';
	accept_failed(&t, EMFILE);
	assert_string_equal(said, "");
	ahead += 61;
	accept_failed(&t, ENOMEM);
	assert_non_null(strstr(said, "Cannot allocate memory"));
	assert_int_equal(m.counter[COUNTER_NOT_ACCEPTED], 3);
	accept_succeeded(&t);
	assert_string_equal(said, "here: connections are accepted again");
	said[0] = '\0';
	accept_succeeded(&t);
	assert_string_equal(said, "");
}

/*
 * Near the limit of descriptors the next connection waits, unless the limit
 * cannot be asked.
 */
static void
test_accept_spares(void **state)
{
	struct rlimit limit;

	(void)state;
	assert_int_equal(__real_getrlimit(RLIMIT_NOFILE, &limit), 0);
	next_fd = (int)limit.rlim_cur - 1;
	arm("getrlimit", EPERM, 0);
	assert_int_equal(accept(0, NULL, NULL), next_fd);
	assert_int_equal(accept(0, NULL, NULL), next_fd);
	arm(NULL, 0, 0);
	assert_int_equal(accept(0, NULL, NULL), next_fd);
	/* With a bad descriptor the real accept(2) fails. */
	assert_int_equal(accept(-1, NULL, NULL), -1);
	assert_int_equal(errno, EMFILE);
	/* The lowest free descriptor is far from the limit again. */
	next_fd = 3;
	assert_int_equal(accept(STDERR_FILENO, NULL, NULL), 3);
}

static void
test_poll(void **state)
{
	static const int rows[][2] = { { ENOMEM, EINTR }, { EAGAIN, EINTR },
		{ EINTR, EINTR }, { EINVAL, EINVAL } };

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		arm("ppoll", rows[i][0], 0);
		if (poll(NULL, 0, 0) == 0 && nfailed == 0)
			return; /* a sanitizer's own stands before ours */
		unit_number(strerror(rows[i][0]), rows[i][1], errno);
	}
	arm(NULL, 0, 0);
	unit_number("well", 0, poll(NULL, 0, 1));
	unit_end();
}

/*
 * Bytes that one recv(2) took ahead are polled for and read without a system
 * call.
 */
static void
test_readahead(void **state)
{
	struct pollfd ask = { .events = POLLIN };
	struct pollfd rest = { .events = POLLIN | POLLPRI };
	char bytes[16];
	int fd[2], again[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	ask.fd = rest.fd = fd[0];
	assert_int_equal(write(fd[1], "abcdefgh", 8), 8);
	assert_int_equal(poll(&ask, 1, 1), 1);
	if (!readahead_holds(fd[0]))
		return; /* a sanitizer's own stands before ours */
	assert_int_equal(ask.revents, POLLIN);
	assert_int_equal(recv(fd[0], bytes, 1, MSG_PEEK | MSG_DONTWAIT), -1);
	assert_int_equal(read(fd[0], bytes, 5), 5);
	assert_int_equal(poll(&rest, 1, -1), 1);
	assert_int_equal(rest.revents, POLLIN);
	assert_int_equal(read(fd[0], bytes + 5, 11), 3);
	assert_memory_equal(bytes, "abcdefgh", 8);
	assert_false(readahead_holds(fd[0]));
	assert_int_equal(poll(&ask, 1, 1), 0);
	assert_true(readahead_is_new(fd[0]));
	/*
	 * A descriptor closed with bytes read ahead: the next one of that
	 * number does not get them.
	 */
	assert_int_equal(write(fd[1], "old", 3), 3);
	assert_int_equal(poll(&ask, 1, 1), 1);
	assert_int_equal(close(fd[0]), 0);
	assert_int_equal(close(fd[1]), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, again), 0);
	assert_int_equal(again[0], fd[0]);
	assert_int_equal(write(again[1], "new", 3), 3);
	assert_int_equal(poll(&ask, 1, 1), 1);
	assert_int_equal(read(again[0], bytes, sizeof bytes), 3);
	assert_memory_equal(bytes, "new", 3);
	/* At the end of the stream each read(2) says so. */
	assert_int_equal(close(again[1]), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(poll(&ask, 1, 1), 1);
		assert_int_equal(read(again[0], bytes, sizeof bytes), 0);
	}
	assert_int_equal(close(again[0]), 0);
	assert_int_equal(close(again[0]), -1);
	assert_int_equal(errno, EBADF);
}

/* Only sockets are read ahead: not files and pipes. */
static void
test_readahead_sockets_only(void **state)
{
	struct pollfd ask = { .events = POLLIN };
	char byte;
	int fd[2];

	(void)state;
	assert_int_equal(__real_pipe2(fd, 0), 0);
	ask.fd = fd[0];
	assert_int_equal(poll(&ask, 1, 1), 0);
	assert_int_equal(write(fd[1], "ab", 2), 2);
	assert_int_equal(poll(&ask, 1, 1), 1);
	assert_false(readahead_holds(fd[0]));
	assert_int_equal(read(fd[0], &byte, 1), 1);
	assert_int_equal(byte, 'a');
	assert_int_equal(poll(&ask, 1, 1), 1);
	close(fd[0]);
	close(fd[1]);
}

/*
 * libmilter waits for the rest of a packet, and to write, for two hours; five
 * minutes are what an MTA waits at most, and all that a command gets.
 */
static void
test_half_a_command(void **state)
{
	enum { LIBMILTER_MS = 7210000 };
	struct pollfd ask = { .events = POLLIN };
	struct pollfd rest = { .events = POLLIN | POLLPRI };
	struct pollfd answer = { .events = POLLOUT };
	char byte;
	int fd[2];

	(void)state;
	if (OTHER_POLL) {
		/* skip() would print "not ok". */
		print_message("# skipped: ThreadSanitizer's poll(2) is before "
		    "ours\n");
		return;
	}
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	ask.fd = rest.fd = answer.fd = fd[0];
	assert_int_equal(poll(&ask, 1, 1), 0);
	if (patience != 0)
		return; /* a sanitizer's own stands before ours */
	assert_int_equal(write(fd[1], "ab", 2), 2);
	assert_int_equal(poll(&rest, 1, LIBMILTER_MS), 1);
	assert_int_equal(patience, 300);
	assert_int_equal(read(fd[0], &byte, 1), 1);
	/* A byte now and then does not lengthen the wait. */
	ahead += 100;
	*readahead_waited() += 100000;
	assert_int_equal(poll(&rest, 1, LIBMILTER_MS), 1);
	assert_int_equal(patience, 200);
	assert_int_equal(poll(&answer, 1, LIBMILTER_MS), 1);
	assert_int_equal(patience, 200);
	silent = true;
	said[0] = '\0';
	assert_int_equal(poll(&answer, 1, LIBMILTER_MS), 0);
	assert_non_null(strstr(said, "were not read in 300 s"));
	assert_int_equal(poll(&rest, 1, LIBMILTER_MS), 0);
	assert_int_equal(patience, 0);
	assert_non_null(strstr(said, "half a command of a session"));
	/* The next command, and the next session, have the whole time again. */
	assert_int_equal(poll(&ask, 1, 1), 1);
	assert_int_equal(read(fd[0], &byte, 1), 1);
	assert_int_equal(poll(&rest, 1, LIBMILTER_MS), 0);
	assert_int_equal(patience, 300);
	silent = false;
	assert_int_equal(close(fd[0]), 0);
	assert_int_equal(*readahead_waited(), 0);
	/* The waits of libmilter's listener are not changed. */
	rest.fd = fd[1];
	(void)poll(&rest, 1, 5);
	assert_int_equal(patience, 0);
	close(fd[1]);
}

static void
test_handover(void **state)
{
	(void)state;
	/* Forgets the connections that accept() gave above. */
	for (int fd = 0; fd < 65536; fd++)
		handover_end(fd);
	assert_false(handover_waits());
	handover_end(5);
	assert_false(handover_waits());
	handover_begin(5);
	handover_begin(5);
	handover_begin(6);
	handover_end(5);
	assert_true(handover_waits());
	handover_end(6);
	assert_false(handover_waits());
	/* Descriptors out of range are not counted. */
	handover_begin(65536);
	handover_begin(-1);
	assert_false(handover_waits());
	handover_end(65536);
	handover_end(-1);
	/*
	 * A descriptor closed before its handover ended no longer counts as
	 * waiting.
	 */
	handover_begin(7000);
	assert_int_equal(close(7000), -1);
	assert_false(handover_waits());
}

enum { FIRST = 1000, MANY = 100 };

/*
 * What accept() gives libmilter; the address has the listening socket's family.
 */
static int
accepted(int listening)
{
	struct sockaddr_un address = { .sun_family = AF_UNSPEC };
	socklen_t length = sizeof address;
	int fd = accept(listening, (struct sockaddr *)&address, &length);

	if (fd != next_fd)
		assert_int_equal(address.sun_family, AF_UNIX);
	else
		handover_end(fd);
	return fd;
}

/*
 * While a session waits too long for a worker accept() gives libmilter a
 * connection of the daemon's own, for which it starts one.
 */
static void
test_worker(void **state)
{
	int ends[2], fd;
	char byte;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	assert_int_equal(worker_wait_ms(5000), 1000);
	assert_false(worker_wanted());
	worker_call();
	assert_true(worker_calls() >= 0);
	assert_int_equal(worker_wait_ms(5000), 5000);
	worker_call();
	assert_int_equal(eventfd_read(worker_calls(), &(eventfd_t){ 0 }), 0);
	handover_begin(FIRST);
	assert_int_equal(worker_wait_ms(5000), WORKER_WAIT_MS);
	assert_int_equal(worker_wait_ms(5), 5);
	assert_false(worker_wanted());
	assert_int_equal(accepted(ends[0]), next_fd);
	ahead++;
	assert_true(worker_wanted());
	fd = accepted(ends[0]);
	assert_int_not_equal(fd, next_fd);
	assert_int_equal(recv(fd, &byte, 1, MSG_DONTWAIT), 0);
	assert_int_equal(handover_lacking(), 0);
	close(fd);
	assert_int_equal(handover_lacking(), 1);
	assert_int_equal(accepted(ends[0]), next_fd);
	handover_end(FIRST);
	assert_false(handover_waits());
	assert_false(worker_wanted());
	close(ends[0]);
	close(ends[1]);
}

/*
 * The daemon's own connections are few, and come ever later while they do not
 * help.
 */
static void
test_worker_bounds(void **state)
{
	struct pollfd listening = { .events = POLLIN };
	int ends[2], fd[MANY], n = 0;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	handover_begin(FIRST);
	assert_false(worker_wanted());
	for (int i = 0; i < 10; i++) {
		ahead += 2;
		assert_true(worker_wanted());
		close(accepted(ends[0]));
	}
	assert_int_equal(worker_wait_ms(5000), 1000);
	for (int i = 1; i < MANY; i++)
		handover_begin(FIRST + i);
	ahead += 2;
	assert_true(worker_wanted());
	while ((fd[n] = accepted(ends[0])) != next_fd)
		n++;
	assert_int_equal(n, HANDOVER_MADE_MAX);
	assert_false(handover_made(FIRST));
	while (n-- > 0)
		close(fd[n]);
	for (int i = 1; i < MANY; i++)
		handover_end(FIRST + i);
	/* The listener's poll(2) ends when such a connection is due. */
	listening.fd = ends[0];
	if (poll(&listening, 1, 5000) == 1) { /* not a sanitizer's */
		assert_int_equal(listening.revents, POLLIN);
		close(accepted(ends[0]));
	}
	handover_end(FIRST);
	assert_false(worker_wanted());
	assert_int_equal(worker_wait_ms(5000), 5000);
	close(ends[0]);
	close(ends[1]);
}

static void *
wait_in_thread(void *arg)
{
	evmemory_wait();
	arm("realloc", ENOMEM, 3);
	*(struct event_base **)arg = event_base_new();
	return NULL;
}

/*
 * A thread that may wait gets memory in the end; others are told at once that
 * there is none.
 */
static void
test_evmemory(void **state)
{
	struct event_base *base = NULL;
	pthread_t thread;

	(void)state;
	evmemory_init();
	arm("realloc", ENOMEM, 0);
	assert_null(event_base_new());
	assert_int_equal(nfailed, 1);
	assert_int_equal(pthread_create(&thread, NULL, wait_in_thread, &base),
	    0);
	pthread_join(thread, NULL);
	assert_non_null(base);
	assert_int_equal(nfailed, 3);
	arm(NULL, 0, 0);
	event_base_free(base);
}

static void
test_signals(void **state)
{
	struct fault f;

	(void)state;
	arm("pipe2", EMFILE, 0);
	assert_false(signals_init(&f));
	assert_string_equal(f.text, "pipe: Too many open files");
	arm(NULL, 0, 0);
	assert_true(signals_init(&f));
	assert_int_equal(signals_wait(0), SIGNALS_NONE);
	raise(SIGHUP), raise(SIGHUP);
	assert_int_equal(signals_wait(60000), SIGNALS_RELOAD);
	assert_int_equal(signals_wait(0), SIGNALS_NONE);
	/* TERM and INT count more than HUP, whichever came first. */
	raise(SIGHUP), raise(SIGTERM);
	assert_int_equal(signals_wait(60000), SIGNALS_STOP);
	raise(SIGINT);
	raise(SIGHUP);
	assert_int_equal(signals_wait(60000), SIGNALS_STOP);
}

static void
wait_for_pipe(void)
{
	/* Waits until libmilter's thread has logged that it ended. */
	for (int i = 0; i < 6000 && !atomic_load(&was_said); i++)
		nanosleep(&(struct timespec){ 0, 10000000 }, NULL);
	nanosleep(&(struct timespec){ 0, 100000000 }, NULL);
	atomic_store(&was_said, false);
}

static void
test_libmilter_ends(void **state)
{
	struct fault f;

	(void)state;
	arm(NULL, 0, 0);
	said[0] = '\0';
	assert_true(signals_start_milter(&f));
	assert_int_equal(signals_wait(60000), SIGNALS_ENDED);
	assert_string_equal(said, "");
	/* A HUP does not hide that smfi_main() has ended; a TERM does. */
	arm("smfi_main", 0, 0);
	atomic_store(&was_said, false);
	assert_true(signals_start_milter(&f));
	wait_for_pipe();
	assert_string_equal(said, "libmilter ended with a failure");
	raise(SIGHUP);
	assert_int_equal(signals_wait(60000), SIGNALS_ENDED);
	raise(SIGTERM);
	said[0] = '\0';
	assert_true(signals_start_milter(&f));
	wait_for_pipe();
	assert_int_equal(signals_wait(60000), SIGNALS_STOP);
	arm(NULL, 0, 0);
}

static void
put_conf(const char *path, const char *line)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fprintf(file, "audit-file = /dev/null\n%s", line);
	fclose(file);
}

static void
test_reload_read(void **state)
{
	struct options o = { .conf = unit_path("no.conf") };
	static struct settings s;
	struct fault f;

	(void)state;
	fault_clear(&f);
	s.mode = MODE_MONITOR;
	assert_true(reload_read(&o, &s, &f));
	assert_int_equal(s.mode, MODE_ENFORCE);
	assert_non_null(strstr(said, "is not there: all settings are the "
	    "defaults"));
	/* A settings file named by -c has to exist. */
	o.conf_expected = true;
	assert_false(reload_read(&o, &s, &f));
	assert_int_equal(f.kind, FAULT_NOINPUT);
	/* A file that access(2) cannot look for does not count as missing. */
	o.conf_expected = false;
	arm("access", EACCES, 0);
	fault_clear(&f);
	assert_false(reload_read(&o, &s, &f));
	assert_int_equal(f.kind, FAULT_NOINPUT);
	arm(NULL, 0, 0);
	/*
	 * A file that was read before and is gone is a fault: its settings
	 * stay.
	 */
	put_conf(o.conf, "mode = monitor\n");
	assert_true(reload_read(&o, &s, &f));
	assert_int_equal(s.mode, MODE_MONITOR);
	assert_int_equal(unlink(o.conf), 0);
	fault_clear(&f);
	assert_false(reload_read(&o, &s, &f));
	assert_int_equal(f.kind, FAULT_NOINPUT);
}

static void
test_reload_without_memory(void **state)
{
	struct options o = { .conf = unit_path("a.conf"), .conf_expected = true };
	static struct daemon d;
	static struct settings s;
	struct fault f;

	(void)state;
	put_conf(o.conf, "");
	assert_true(reload_read(&o, &s, &f));
	assert_true(settings_holder_init(&d.settings, &s));
	assert_non_null(d.audit = auditlog_open(&s, &f));
	put_conf(o.conf, "mode = monitor\n");
	arm("malloc", ENOMEM, 0);
	reload_settings(&d, &o, &s);
	arm(NULL, 0, 0);
	assert_string_equal(said,
	    "out of memory: the old settings stay in force");
	assert_int_equal(s.mode, MODE_ENFORCE);
	assert_int_equal(d.settings.now->settings.mode, MODE_ENFORCE);
	reload_settings(&d, &o, &s);
	assert_string_equal(said, "settings were read again");
	assert_int_equal(s.mode, MODE_MONITOR);
	assert_int_equal(d.settings.now->settings.mode, MODE_MONITOR);
	put_conf(o.conf, "mode = perhaps\n");
	reload_settings(&d, &o, &s);
	assert_string_equal(said, "the old settings stay in force");
	assert_int_equal(d.settings.now->settings.mode, MODE_MONITOR);
	/* The audit file cannot be opened: the old one stays in use. */
	put_conf(o.conf, "");
	snprintf(s.audit_file, sizeof s.audit_file, "/no/such/folder/log");
	reload_settings(&d, &o, &s);
	assert_string_equal(said, "the old audit file stays in use");
	assert_true(auditlog_submit(d.audit, slice_of("{}"), WRITER_PATIENT));
	assert_true(auditlog_submit(d.audit, slice_of("{}"), WRITER_REFUSAL));
	assert_true(auditlog_submit(d.audit, slice_of("{}"), WRITER_IMPATIENT));
	auditlog_close(d.audit);
	settings_holder_free(&d.settings);
}

/* The line that log_warnx("one\ntwo") writes to standard error. */
static const char *
written(void)
{
	static char line[256];
	int ends[2], old = dup(STDERR_FILENO);
	ssize_t n;

	assert_int_equal(pipe(ends), 0);
	dup2(ends[1], STDERR_FILENO);
	log_warnx("%s", "one\ntwo");
	dup2(old, STDERR_FILENO);
	close(old);
	close(ends[1]);
	n = read(ends[0], line, sizeof line - 1);
	close(ends[0]);
	line[n > 0 ? n : 0] = '\0';
	return line;
}

/*
 * A message is one line whatever is in it, with its priority where syslog reads
 * it.
 */
static void
test_log(void **state)
{
	(void)state;
	log_init("t", true);
	log_warnx("%s", "one\ntwo");
	assert_string_equal(said, "one?two");
	assert_int_equal(priority_of_said, LOG_WARNING);
	errno = EACCES;
	log_warn("word");
	assert_string_equal(said, "word: Permission denied");
	unsetenv("JOURNAL_STREAM");
	log_init("t", false);
	assert_string_equal(written(), "t: one?two\n");
	setenv("JOURNAL_STREAM", "8:1", 1);
	log_init("t", false);
	assert_string_equal(written(), "<4>one?two\n");
	log_set_level(LOG_LEVEL_ERROR);
	assert_string_equal(written(), "");
	log_set_level(LOG_LEVEL_INFO);
	log_init("t", true);
}

/* log_seldom: messages that peers can cause are one line a minute. */
static void
test_log_seldom(void **state)
{
	static struct log_seldom seldom;

	(void)state;
	for (int i = 1; i <= 100; i++) {
		said[0] = '\0';
		log_seldom(&seldom, LOG_LEVEL_INFO, "line %d", i);
		assert_string_equal(said, i == 1 ? "line 1" : "");
	}
	assert_int_equal(priority_of_said, LOG_INFO);
	ahead += 61;
	log_seldom(&seldom, LOG_LEVEL_WARNING, "line %d", 101);
	assert_string_equal(said,
	    "line 101; 99 more since the log told of one");
	ahead += 61;
	log_seldom(&seldom, LOG_LEVEL_WARNING, "line %d", 102);
	assert_string_equal(said, "line 102");
}

/* log_seldom with lines = 3: three lines a minute. */
static void
test_log_some(void **state)
{
	static struct log_seldom some = { .lines = 3 };
	char want[16];

	(void)state;
	for (int minute = 0; minute < 2; minute++, ahead += 61)
		for (int i = 1; i <= 9; i++) {
			said[0] = '\0';
			log_seldom(&some, LOG_LEVEL_INFO, "line %d", i);
			snprintf(want, sizeof want, "line %d", i);
			assert_string_equal(said, i > 3 ? "" :
			    i > 1 || minute == 0 ? want :
			    "line 1; 6 more since the log told of one");
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accept),
		cmocka_unit_test(test_accept_says_so),
		cmocka_unit_test(test_accept_spares),
		cmocka_unit_test(test_poll),
		cmocka_unit_test(test_readahead),
		cmocka_unit_test(test_readahead_sockets_only),
		cmocka_unit_test(test_half_a_command),
		cmocka_unit_test(test_handover),
		cmocka_unit_test(test_worker),
		cmocka_unit_test(test_worker_bounds),
		cmocka_unit_test(test_evmemory),
		cmocka_unit_test(test_signals),
		cmocka_unit_test(test_libmilter_ends),
		cmocka_unit_test(test_reload_read),
		cmocka_unit_test(test_reload_without_memory),
		cmocka_unit_test(test_log),
		cmocka_unit_test(test_log_seldom),
		cmocka_unit_test(test_log_some),
	};

	return unit_main(tests);
}
