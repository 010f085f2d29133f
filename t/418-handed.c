/*
 * The socket of the service manager, each call failing: it is taken as it is, or
 * refused with its reason, and libmilter never listens on another one instead.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <libmilter/mfapi.h>

#include "milter/activation.h"
#include "t/failing.h"
#include "t/unit.h"

enum { HANDED = 3 };

static char spec[128]; /* what libmilter was told */
static bool unnamed;

WRAP(int, -1, dup3, (int from, int to, int flags), (from, to, flags))
WRAP(char *, NULL, mkdtemp, (char *name), (name))
WRAP(int, -1, eventfd, (unsigned n, int flags), (n, flags))
WRAP(int, -1, unlink, (const char *path), (path))
WRAP(int, -1, getsockopt, (int fd, int level, int name, void *p,
    socklen_t *n), (fd, level, name, p, n))

int __real_getsockname(int, struct sockaddr *, socklen_t *);
int __wrap_getsockname(int, struct sockaddr *, socklen_t *);
int __real_fcntl(int, int, ...);
int __wrap_fcntl(int, int, int);
int __wrap_smfi_setconn(char *);
int __wrap_smfi_opensocket(bool);

int
__wrap_getsockname(int fd, struct sockaddr *a, socklen_t *n)
{
	if (fails("getsockname") || __real_getsockname(fd, a, n) == -1)
		return -1;
	if (unnamed)
		*n = offsetof(struct sockaddr_un, sun_path);
	return 0;
}

int
__wrap_fcntl(int fd, int command, int argument)
{
	const char *name = command == F_SETFD ? "F_SETFD" : "F_DUPFD";

	return fails(name) ? -1 : __real_fcntl(fd, command, argument);
}

int
__wrap_smfi_setconn(char *s)
{
	snprintf(spec, sizeof spec, "%s", s);
	return fails("setconn") ? MI_FAILURE : MI_SUCCESS;
}

static int
listen_on(int family, const struct sockaddr *a, socklen_t n)
{
	int fd = socket(family, SOCK_STREAM, 0);

	if (fd == -1)
		return -1;
	assert_int_equal(bind(fd, a, n), 0);
	assert_int_equal(listen(fd, 1), 0);
	return fd;
}

static int
listen_inet(int family)
{
	const struct sockaddr_in four = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const struct sockaddr_in6 six = { .sin6_family = AF_INET6,
		.sin6_addr = IN6ADDR_LOOPBACK_INIT };

	return family == AF_INET6 ?
	    listen_on(family, (const struct sockaddr *)&six, sizeof six) :
	    listen_on(family, (const struct sockaddr *)&four, sizeof four);
}

static int
listen_unix(const char *path, size_t length)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	memcpy(a.sun_path, path, length);
	return listen_on(AF_UNIX, (const struct sockaddr *)&a,
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length));
}

/*
 * Opens a socket as libmilter does, or fails, opens none, or opens another one,
 * as the test wants.
 */
int
__wrap_smfi_opensocket(bool remove)
{
	assert_false(remove);
	if (fails("opensocket"))
		return MI_FAILURE;
	if (fails("nothing"))
		return MI_SUCCESS;
	if (fails("another") || strncmp(spec, "inet:", 5) == 0)
		listen_inet(AF_INET);
	else if (strncmp(spec, "inet6:", 6) == 0)
		listen_inet(AF_INET6);
	else
		listen_unix(spec + strlen("unix:"),
		    strlen(spec) - strlen("unix:"));
	return MI_SUCCESS;
}

/* False: there is no such socket on this machine. */
static bool
hand_over(int fd)
{
	char pid[32];

	if (fd == -1)
		return false;
	if (fd != HANDED) {
		assert_int_equal(dup2(fd, HANDED), HANDED);
		close(fd);
	}
	snprintf(pid, sizeof pid, "%ld", (long)getpid());
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "1", 1);
	return true;
}

static int
tear_down(void **state)
{
	(void)state;
	failing = NULL;
	unnamed = false;
	for (int fd = HANDED; fd < HANDED + 16; fd++)
		close(fd);
	return 0;
}

static bool
find(struct listen *l, struct fault *f)
{
	struct listen facts = { .fd = -1 }, tlsrpt = { .fd = -1 };

	return activation_find(l, &facts, &tlsrpt, f) && !facts.inherited &&
	    !tlsrpt.inherited;
}

static void
refused(const char *call, const char *text)
{
	struct listen l = { .fd = -1 };
	struct fault f;

	fault_clear(&f);
	unit_same(text, text, find(&l, &f) ? "found" : f.text);
	unit_number(text, false, l.inherited);
	unit_same(text, "failed", failing == NULL ? "failed" : call);
	failing = NULL;
}

static void
test_announced(void **state)
{
	static const char service[] = "the service manager's socket";
	struct listen l = { .fd = -1 };
	struct fault f;
	char text[128];

	(void)state;
	unsetenv("LISTEN_PID");
	assert_true(find(&l, &f) && !l.inherited);
	setenv("LISTEN_PID", "x", 1);
	refused("", "LISTEN_PID: expected a process id, found \"x\"");
	assert_true(hand_over(listen_inet(AF_INET)));
	setenv("LISTEN_PID", "1", 1);
	assert_true(find(&l, &f) && !l.inherited);
	hand_over(HANDED);
	setenv("LISTEN_FDS", "4", 1);
	refused("", "LISTEN_FDS: expected one socket of the service manager, "
	    "and those that are called facts and tlsrpt, found \"4\"");
	unsetenv("LISTEN_FDS");
	refused("", "LISTEN_FDS: expected one socket of the service manager, "
	    "and those that are called facts and tlsrpt, found \"\"");
	hand_over(HANDED);
	let_fail("F_SETFD", 0, EIO);
	snprintf(text, sizeof text, "%s: Input/output error", service);
	refused("F_SETFD", text);
	let_fail("getsockname", 0, ENOBUFS);
	snprintf(text, sizeof text, "%s: No buffer space available", service);
	refused("getsockname", text);
	let_fail("getsockopt", 0, EIO);
	snprintf(text, sizeof text, "%s, descriptor 3: expected a unix or TCP "
	    "socket, found another family", service);
	refused("getsockopt", text);
	unit_end();
}

/*
 * The handed socket is found, named, put in the place of libmilter's, and left
 * there.
 */
static void
taken(const char *want, const char *told)
{
	struct listen l = { .fd = -1 };
	struct fault f;
	struct stat handed, at_place;

	assert_true(find(&l, &f) && l.inherited);
	unit_slice(want, want, slice_make(l.spec, strlen(want)));
	assert_int_equal(fstat(HANDED, &handed), 0);
	assert_true(activation_open(&l, &f));
	unit_slice(want, told, slice_make(spec, strlen(told)));
	assert_int_equal(fstat(l.fd, &at_place), 0);
	unit_number(want, (long long)handed.st_ino, (long long)at_place.st_ino);
	unit_number(want, -1, fcntl(HANDED, F_GETFD, 0));
	let_fail("eventfd", 0, EMFILE);
	activation_leave(&l);
	assert_int_equal(fstat(l.fd, &at_place), 0);
	unit_number(want, (long long)handed.st_ino, (long long)at_place.st_ino);
	let_fail("dup3", 0, EIO);
	activation_leave(&l);
	assert_int_equal(fstat(l.fd, &at_place), 0);
	unit_number(want, (long long)handed.st_ino, (long long)at_place.st_ino);
	activation_leave(&l);
	assert_int_equal(fstat(l.fd, &at_place), 0);
	unit_number(want, false, S_ISSOCK(at_place.st_mode));
	l.inherited = false; /* a socket that libmilter did not make stays */
	close(l.fd);
	activation_leave(&l);
	unit_number(want, -1, fstat(l.fd, &at_place));
	unit_end();
}

static void
test_unix(void **state)
{
	char want[128];
	const char *path = unit_path("handed");

	(void)state;
	snprintf(want, sizeof want, "unix:%s", path);
	assert_true(hand_over(listen_unix(path, strlen(path))));
	taken(want, "unix:/tmp/tlspolicy-");
	assert_int_equal(access(path, F_OK), 0);
}

static void
test_abstract(void **state)
{
	char name[64] = "";
	int length = snprintf(name + 1, sizeof name - 1, "tlspolicy-%ld",
	    (long)getpid());
	char want[128];

	(void)state;
	snprintf(want, sizeof want, "unix:@%s", name + 1);
	assert_true(hand_over(listen_unix(name, (size_t)length + 1)));
	taken(want, "unix:/tmp/tlspolicy-");
}

static void
test_unnamed(void **state)
{
	const char *path = unit_path("unnamed");
	struct listen l = { .fd = -1 };
	struct fault f;

	(void)state;
	unnamed = true;
	assert_true(hand_over(listen_unix(path, strlen(path))));
	assert_true(find(&l, &f));
	assert_string_equal(l.spec, "unix:");
}

static void
test_inet(void **state)
{
	(void)state;
	assert_true(hand_over(listen_inet(AF_INET)));
	taken("inet:", "inet:0@127.0.0.1");
	if (hand_over(listen_inet(AF_INET6)))
		taken("inet6:", "inet6:0@[::1]");
}

/*
 * A socket that is refused: the fault has the reason, the socket is as it was,
 * and no folder is left.
 */
static void
test_not_taken(void **state)
{
	static const struct {
		const char *call;
		int error;
		const char *text;
	} rows[] = {
		{ "mkdtemp", ENOSPC, "cannot make a folder in /tmp: No space "
		    "left on device" },
		{ "F_DUPFD", EMFILE, "cannot copy the service manager's "
		    "socket: Too many open files" },
		{ "setconn", 0, "libmilter cannot listen on unix:" },
		{ "opensocket", 0, "libmilter cannot listen on unix:" },
		{ "nothing", 0, "libmilter's socket is not descriptor " },
		{ "another", 0, "libmilter's socket is not descriptor " },
		{ "dup3", EIO, "cannot hand unix:" }
	};
	const char *path = unit_path("not-taken");

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		struct listen l = { .fd = -1 };
		struct fault f;

		unlink(path);
		assert_true(hand_over(listen_unix(path, strlen(path))));
		assert_true(find(&l, &f));
		spec[0] = '\0';
		let_fail(rows[i].call, 0, rows[i].error);
		unit_number(rows[i].call, false, activation_open(&l, &f));
		unit_slice(rows[i].call, rows[i].text,
		    slice_make(f.text, strlen(rows[i].text)));
		unit_number(rows[i].call, HANDED, l.fd);
		unit_number(rows[i].call, 0, fcntl(HANDED, F_GETFD, 0) == -1);
		if (spec[0] != '\0')
			unit_number(rows[i].call, -1,
			    access(spec + strlen("unix:"), F_OK));
		tear_down(NULL);
	}
	unit_end();
}

/* Libmilter's own socket cannot be removed: a warning, and it is taken. */
static void
test_folder_stays(void **state)
{
	const char *path = unit_path("stays");
	struct listen l = { .fd = -1 };
	struct fault f;

	(void)state;
	assert_true(hand_over(listen_unix(path, strlen(path))));
	assert_true(find(&l, &f));
	let_fail("unlink", 0, EPERM);
	assert_true(activation_open(&l, &f));
	assert_null(failing);
	assert_int_equal(unlink(spec + strlen("unix:")), 0);
	*strrchr(spec, '/') = '\0';
	assert_int_equal(rmdir(spec + strlen("unix:")), 0);
}

#define TEST(f) cmocka_unit_test_teardown(f, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_announced), TEST(test_unix), TEST(test_abstract),
		TEST(test_unnamed), TEST(test_inet), TEST(test_not_taken),
		TEST(test_folder_stays)
	};

	return unit_main(tests);
}
