/*
 * The threads of our engine on a system whose calls fail: it does not start, or
 * a connection ends, or has to wait; the next one is served as ever.
 */
#include "config.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "milter/engine/loop.h"
#include "milter/engine/own.h"
#include "policy/policy.h"
#include "t/nth.h"
#include "t/unit.h"

enum { PATIENCE_MS = 5000 };

static struct loop loop;
static int listening;
static struct sockaddr_un address;
static atomic_int park_ms = -1; /* milliseconds that MAIL is parked for; -1: not at all */
static SMFICTX *_Atomic parked;
static atomic_uint nclosed;

static sfsistat
on_negotiate(SMFICTX *ctx, unsigned long offered, unsigned long known,
    unsigned long f2, unsigned long f3, unsigned long *actions,
    unsigned long *steps, unsigned long *p2, unsigned long *p3)
{
	(void)ctx;
	(void)known;
	(void)f2;
	(void)f3;
	*actions = offered & 0;
	*steps |= 0;
	*p2 = *p3 = 0;
	return SMFIS_CONTINUE;
}

static sfsistat
on_helo(SMFICTX *ctx, char *name)
{
	(void)ctx;
	(void)name;
	return SMFIS_CONTINUE;
}

static sfsistat
on_mail(SMFICTX *ctx, char **argv)
{
	(void)argv;
	if (atomic_load(&park_ms) == -1)
		return SMFIS_CONTINUE;
	engine_park(ctx, clock_ms() + atomic_load(&park_ms));
	atomic_store(&parked, ctx);
	return SMFIS_CONTINUE;
}

static sfsistat
on_more(SMFICTX *ctx, char **argv)
{
	(void)ctx;
	(void)argv;
	return SMFIS_CONTINUE;
}

static sfsistat
on_header(SMFICTX *ctx, char *name, char *value)
{
	(void)ctx;
	(void)name;
	(void)value;
	return SMFIS_CONTINUE;
}

static sfsistat
on_step(SMFICTX *ctx)
{
	(void)ctx;
	return SMFIS_CONTINUE;
}

static sfsistat
on_close(SMFICTX *ctx)
{
	(void)ctx;
	atomic_fetch_add(&nclosed, 1);
	return SMFIS_CONTINUE;
}

static sfsistat
on_body(SMFICTX *ctx, unsigned char *bytes, size_t n)
{
	(void)ctx;
	(void)bytes;
	(void)n;
	return SMFIS_CONTINUE;
}

static sfsistat
on_connect(SMFICTX *ctx, char *name, struct sockaddr *who)
{
	(void)ctx;
	(void)name;
	(void)who;
	return SMFIS_CONTINUE;
}

static sfsistat
on_unknown(SMFICTX *ctx, const char *command)
{
	(void)ctx;
	(void)command;
	return SMFIS_CONTINUE;
}

static sfsistat
on_settled(SMFICTX *ctx, sfsistat answer)
{
	(void)ctx;
	return answer;
}

static const struct context_callbacks callbacks = {
	.milter = { .xxfi_negotiate = on_negotiate, .xxfi_helo = on_helo,
	    .xxfi_envfrom = on_mail, .xxfi_envrcpt = on_more,
	    .xxfi_header = on_header, .xxfi_eoh = on_step,
	    .xxfi_eom = on_step, .xxfi_abort = on_step,
	    .xxfi_close = on_close },
	.settled = on_settled
};

/* A callback that would never be called, or that is missing. */
static void
test_enlisted(void **state)
{
	struct smfiDesc m;

	(void)state;
#define ROW(field, value)                                                     \
	m = callbacks.milter;                                                 \
	m.field = value;                                                      \
	unit_number(#field, false, engine_register(&m, on_settled))
	ROW(xxfi_connect, on_connect);
	ROW(xxfi_body, on_body);
	ROW(xxfi_unknown, on_unknown);
	ROW(xxfi_negotiate, NULL);
	ROW(xxfi_helo, NULL);
	ROW(xxfi_envfrom, NULL);
	ROW(xxfi_envrcpt, NULL);
	ROW(xxfi_header, NULL);
	ROW(xxfi_eoh, NULL);
	ROW(xxfi_eom, NULL);
	ROW(xxfi_abort, NULL);
	ROW(xxfi_close, NULL);
#undef ROW
	unit_number("ours", true, engine_register(&callbacks.milter,
	    on_settled));
	unit_end();
}

static void
listen_there(const char *name)
{
	address.sun_family = AF_UNIX;
	snprintf(address.sun_path, sizeof address.sun_path, "%s",
	    unit_path(name));
	listening = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK |
	    SOCK_CLOEXEC, 0);
	assert_int_not_equal(listening, -1);
	assert_int_equal(bind(listening, (struct sockaddr *)&address,
	    sizeof address), 0);
	assert_int_equal(listen(listening, 16), 0);
}

/* A thread sanitizer calls a thread that runs at exit(3) a leak. */
#if defined __SANITIZE_THREAD__
#define MISSES_THREADS true
#elif defined __has_feature
#if __has_feature(thread_sanitizer)
#define MISSES_THREADS true
#endif
#endif
#ifndef MISSES_THREADS
#define MISSES_THREADS false
#endif

/* A child starts the engine and ends: a started engine cannot be freed. */
static int
start_and_end(const char *call, long n, int error)
{
	struct fault fault;
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		bool good;

		fault_clear(&fault);
		nth_arm(call, n, n, error);
		good = own_start(listening, false, &fault);
		if (good) {
			own_leave();
			own_stop();
		}
		(void)nth_disarm();
		exit(good ? 0 : fault.text[0] != '\0' ?
		    (int)fault.kind : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void
test_started(void **state)
{
	static const struct {
		const char *call;
		long n;
		int error, status;
	} rows[] = {
		{ "none", 1, EIO, 0 },
		{ "calloc", 1, ENOMEM, FAULT_UNAVAILABLE },
		{ "calloc", 2, ENOMEM, FAULT_UNAVAILABLE },
		{ "epoll_create1", 1, EMFILE, FAULT_UNAVAILABLE },
		{ "eventfd", 2, EMFILE, FAULT_UNAVAILABLE },
		{ "epoll_ctl", 1, ENOSPC, FAULT_UNAVAILABLE },
		{ "epoll_ctl", 2, ENOSPC, FAULT_UNAVAILABLE },
		{ "pthread_create", 1, EAGAIN, FAULT_UNAVAILABLE },
		{ "pthread_create", 2, EAGAIN, FAULT_UNAVAILABLE },
		/* Then the engine has two threads. */
		{ "sched_getaffinity", 1, EINVAL, 0 },
		/* The thread is left to run, and the log tells so. */
		{ "pthread_timedjoin_np", 1, ETIMEDOUT, 0 },
	};
	char name[64];

	(void)state;
	listen_there("start");
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		if (MISSES_THREADS &&
		    strcmp(rows[i].call, "pthread_timedjoin_np") == 0)
			continue;
		snprintf(name, sizeof name, "%s %ld", rows[i].call, rows[i].n);
		unit_number(name, rows[i].status, start_and_end(rows[i].call,
		    rows[i].n, rows[i].error));
	}
	close(listening);
	unit_end();
}

static int
dial(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_not_equal(fd, -1);
	assert_int_equal(connect(fd, (struct sockaddr *)&address,
	    sizeof address), 0);
	return fd;
}

/* The letter of the answer; 0: closed; -1: none came in time. */
static int
ask(int fd, const char *bytes, size_t n, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char answer[256];
	ssize_t got;

	/*
	 * By sendto(2) and recvfrom(2), as send(2) and recv(2) may be made to
	 * fail.
	 */
	if (sendto(fd, bytes, n, MSG_NOSIGNAL, NULL, 0) != (ssize_t)n)
		return 0;
	if (poll(&p, 1, ms) != 1)
		return -1;
	got = recvfrom(fd, answer, sizeof answer, 0, NULL, NULL);
	return got < 5 ? 0 : answer[4];
}

static const char offer[] = "\0\0\0\15O\0\0\0\6\0\0\1\377\0\37\377\377";
static const char mail[] = "\0\0\0\5M<a>\0";

/* A connection: the letters of the answers to its offer and to MAIL. */
static const char *
session(void)
{
	static char told[3];
	unsigned before = atomic_load(&nclosed);
	int fd = dial(), said;

	memset(told, 0, sizeof told);
	said = ask(fd, offer, sizeof offer - 1, PATIENCE_MS);
	told[0] = said > 0 ? (char)said : said == 0 ? '.' : '-';
	if (said > 0)
		said = ask(fd, mail, sizeof mail - 1, PATIENCE_MS);
	told[1] = said > 0 ? (char)said : said == 0 ? '.' : '-';
	close(fd);
	/*
	 * Waits until the engine has closed the session: that makes calls, too.
	 */
	while (told[0] == 'O' && atomic_load(&nclosed) == before)
		(void)poll(NULL, 0, 1);
	return told;
}

static void
test_served(void **state)
{
	static const struct {
		const char *name, *call;
		long times;
		int error, park;
		const char *told;
	} rows[] = {
		{ "nothing", "none", 1, EIO, -1, "Oc" },
		{ "no memory for it", "memory", 1, ENOMEM, -1, ".." },
		{ "it is not watched", "epoll_ctl", 1, ENOSPC, -1, ".." },
		{ "no memory for an answer", "malloc", 1, ENOMEM, -1, "Oc" },
		{ "waiting fails", "epoll_wait", 3, EBADF, -1, "Oc" },
		{ "a signal", "epoll_wait", 1, EINTR, -1, "Oc" },
		{ "no descriptor", "accept4", 1, EMFILE, -1, "Oc" },
		{ "a signal while it reads", "recv", 1, EINTR, -1, "Oc" },
		{ "it is gone", "recv", 1, ECONNRESET, -1, ".." },
		{ "it cannot be answered", "send", 1, EPIPE, -1, ".." },
		{ "no room for its answer", "send", 1, ENOBUFS, -1, "Oc" },
		{ "no memory in the kernel", "send", 1, ENOMEM, -1, "Oc" },
		{ "a signal while it sends", "send", 1, EINTR, -1, "Oc" },
		{ "no memory to keep an answer", "send", 1, EAGAIN, -1, "Oc" },
		{ "it waits for its record", "none", 1, EIO, 50, "Oc" },
	};

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		atomic_store(&park_ms, rows[i].park);
		nth_arm(rows[i].call, 1, rows[i].times, rows[i].error);
		unit_same(rows[i].name, rows[i].told, session());
		(void)nth_disarm();
		atomic_store(&park_ms, -1);
		unit_same("behind it", "Oc", session());
	}
	unit_end();
}

/*
 * A parked session is woken by another thread's eventfd; when that fails it
 * goes on when its time is up.
 */
static void
test_woken(void **state)
{
	static const struct {
		const char *call;
		bool late;
	} rows[] = { { "none", false }, { "write", true }, { "read", false } };

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		int64_t start = clock_ms();
		int fd = dial();

		/*
		 * Much longer than the test waits, unless `late` expects the
		 * end of that time.
		 */
		atomic_store(&park_ms, rows[i].late ? 400 :
		    4 * PATIENCE_MS);
		atomic_store(&parked, NULL);
		assert_int_equal(ask(fd, offer, sizeof offer - 1,
		    PATIENCE_MS), 'O');
		assert_int_equal(ask(fd, mail, sizeof mail - 1, 0), -1);
		while (atomic_load(&parked) == NULL)
			(void)poll(NULL, 0, 1);
		(void)poll(NULL, 0, 10);
		nth_arm(rows[i].call, 1, 1, EAGAIN);
		engine_wake(atomic_load(&parked));
		engine_wake(atomic_load(&parked)); /* waking twice is waking once */
		unit_number(rows[i].call, 'c', ask(fd, "", 0, PATIENCE_MS));
		(void)nth_disarm();
		if (rows[i].late)
			unit_number("late", true, clock_ms() - start >= 390);
		close(fd);
	}
	atomic_store(&park_ms, -1);
	assert_string_equal(session(), "Oc");
	unit_end();
}

static int
set_up(void **state)
{
	struct fault fault;

	(void)state;
	listen_there("milter");
	return loop_open(&loop, listening, false, &callbacks, &fault) &&
	    loop_start(&loop, &fault) ? 0 : -1;
}

/* A left engine accepts no connection; its sessions go on to their end. */
static int
tear_down(void **state)
{
	int fd = dial(), late;

	(void)state;
	assert_int_equal(ask(fd, offer, sizeof offer - 1, PATIENCE_MS), 'O');
	loop_leave(&loop);
	while (!atomic_load(&loop.left))
		(void)poll(NULL, 0, 1);
	late = dial();
	assert_int_equal(ask(late, offer, sizeof offer - 1, 50), -1);
	assert_int_equal(ask(fd, mail, sizeof mail - 1, PATIENCE_MS), 'c');
	atomic_store(&nclosed, 0);
	close(fd);
	close(late);
	while (atomic_load(&nclosed) == 0)
		(void)poll(NULL, 0, 1);
	loop_end(&loop);
	assert_int_equal(pthread_join(loop.thread, NULL), 0);
	free(loop.scratch.out.bytes);
	close(loop.epoll);
	close(loop.bell);
	close(listening);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_enlisted),
		cmocka_unit_test(test_started),
		cmocka_unit_test_setup(test_served, set_up),
		cmocka_unit_test_teardown(test_woken, tear_down),
	};

	engine_use(ENGINE_OWN);
	return unit_main(tests);
}
