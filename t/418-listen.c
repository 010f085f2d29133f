/*
 * The sockets that the daemon listens on, with each call on the way failing:
 * nothing of another's is removed or given away, and each refusal has its words.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <libmilter/mfapi.h>

#include "milter/listen.h"
#include "milter/log.h"
#include "t/unit.h"

static const char *failing; /* the call that fails; NULL: none */
static int error;	    /* with this */
static bool bound;
static void (*after_bind)(void);

static bool
fails(const char *name)
{
	if (failing == NULL || strcmp(failing, name) != 0)
		return false;
	errno = error;
	return true;
}

/* The system's calls, by the linker's --wrap (Makefile.am). */
#define WRAP(name, parameters, arguments)                                     \
	int __real_##name parameters;                                         \
	int __wrap_##name parameters;                                         \
	int __wrap_##name parameters                                          \
	{                                                                     \
		return fails(#name) ? -1 : __real_##name arguments;           \
	}

WRAP(socket, (int domain, int type, int protocol), (domain, type, protocol))
WRAP(connect, (int fd, const struct sockaddr *a, socklen_t n), (fd, a, n))
WRAP(lstat, (const char *path, struct stat *st), (path, st))
WRAP(unlink, (const char *path), (path))
WRAP(fchownat, (int fd, const char *path, uid_t user, gid_t group, int flags),
    (fd, path, user, group, flags))
WRAP(listen, (int fd, int n), (fd, n))

int __real_fstat(int, struct stat *);
int __wrap_fstat(int, struct stat *);
int __real_bind(int, const struct sockaddr *, socklen_t);
int __wrap_bind(int, const struct sockaddr *, socklen_t);
int __wrap_smfi_setconn(char *);
int __wrap_smfi_opensocket(bool);

/* fstat(2) fails after bind(2) only: the folders are looked at before. */
int
__wrap_fstat(int fd, struct stat *st)
{
	return bound && fails("fstat") ? -1 : __real_fstat(fd, st);
}

int
__wrap_bind(int fd, const struct sockaddr *a, socklen_t n)
{
	int result = fails("bind") ? -1 : __real_bind(fd, a, n);

	bound = result == 0;
	if (bound && after_bind != NULL)
		after_bind();
	return result;
}

int
__wrap_smfi_setconn(char *spec)
{
	(void)spec;
	return fails("setconn") ? MI_FAILURE : MI_SUCCESS;
}

int
__wrap_smfi_opensocket(bool remove)
{
	assert_false(remove);
	return fails("opensocket") ? MI_FAILURE : MI_SUCCESS;
}

static bool
parse(const char *spec, const char *group, bool map, struct listen *l,
    struct fault *f)
{
	static struct settings s;

	settings_init(&s);
	snprintf(map ? s.socketmap : s.socket, sizeof s.socket, "%s", spec);
	snprintf(map ? s.socketmap_group : s.socket_group,
	    sizeof s.socket_group, "%s", group);
	fault_clear(f);
	return (map ? listen_parse_map : listen_parse)(&s, geteuid(),
	    getegid(), l, f);
}

static void
test_parse_refused(void **state)
{
	static const struct {
		const char *spec, *group, *where, *text;
	} rows[] = {
		{ "unix:run/x", "", "", "expected unix: and an absolute path, "
		    "found \"run/x\"" },
		{ "unix:/ttttttttttttttttttttttttttttttttttttttttttttttttttttt"
		    "tttttttttttttttttttttttttttttttttttttttttttttttttttttt", "",
		    "", "expected a path of at most 107 bytes, found \"/tt" },
		{ "nonsense", "", "", "expected inet:PORT@HOST, found "
		    "\"nonsense\"" },
		{ "inet:0@127.0.0.1", "", "", "expected a port of 1 to 65535" },
		{ "unix:/x", "no-such-group", "-group",
		    "there is no group \"no-such-group\"" },
		{ "unix:/x", "4294967295", "-group", "there is no group" },
	};

	(void)state;
	for (size_t i = 0; i < 2 * UNIT_COUNT(rows); i++) {
		bool map = i >= UNIT_COUNT(rows);
		size_t row = i % UNIT_COUNT(rows);
		struct listen l;
		struct fault f;
		char where[64];

		unit_number(rows[row].spec, false, parse(rows[row].spec,
		    rows[row].group, map, &l, &f));
		unit_number(rows[row].spec, FAULT_SETTINGS, f.kind);
		snprintf(where, sizeof where, "setting %s%s",
		    map ? "socketmap" : "socket", rows[row].where);
		unit_same(rows[row].spec, where, f.where);
		f.text[strlen(rows[row].text)] = '\0';
		unit_same(rows[row].spec, rows[row].text, f.text);
	}
	unit_end();
}

/*
 * Fills *l, whose path points into itself: a struct returned by value would not
 * do.
 */
static void
unix_listen(struct listen *l)
{
	char spec[256];
	struct fault f;

	snprintf(spec, sizeof spec, "unix:%s", unit_path("s.sock"));
	assert_true(parse(spec, "", true, l, &f));
}

static bool
open_failing(struct listen *l, const char *call, int with, int *fd,
    struct fault *f)
{
	bool good;

	fault_clear(f);
	bound = false;
	failing = call;
	error = with;
	good = listen_open_fd(l, fd, f);
	failing = NULL;
	return good;
}

static void
test_unix(void **state)
{
	struct listen l, other;
	struct stat st;
	struct fault f;
	int fd, second;

	(void)state;
	unix_listen(&l);
	l.mode = 0620;
	assert_true(listen_open_fd(&l, &fd, &f));
	assert_int_equal(stat(l.path, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 0777, 0620);
	/*
	 * A socket at which somebody listens is left alone, also when
	 * connect(2) cannot tell.
	 */
	unix_listen(&other);
	assert_false(open_failing(&other, NULL, 0, &second, &f));
	assert_non_null(strstr(f.text, "another process listens there"));
	assert_false(open_failing(&other, "connect", EACCES, &second, &f));
	assert_non_null(strstr(f.text, "another process listens there"));
	close(fd);
	assert_false(open_failing(&other, "socket", EMFILE, &second, &f));
	assert_non_null(strstr(f.text, "another process listens there"));
	/*
	 * A dead process's socket is removed, or the fault says that it cannot
	 * be.
	 */
	assert_false(open_failing(&other, "unlink", EACCES, &second, &f));
	assert_non_null(strstr(f.text, "cannot remove the old socket"));
	assert_true(open_failing(&other, NULL, 0, &second, &f));
	/*
	 * listen_remove() leaves the socket of another daemon that has the name
	 * now.
	 */
	l.inode = other.inode + 1;
	listen_remove(&l);
	assert_int_equal(access(other.path, F_OK), 0);
	failing = "unlink";
	listen_remove(&other);
	failing = NULL;
	assert_int_equal(access(other.path, F_OK), 0);
	listen_remove(&other);
	assert_int_equal(access(other.path, F_OK), -1);
	close(second);
}

static void
test_unix_fails(void **state)
{
	static const struct {
		const char *call;
		int error;
		const char *text;
	} rows[] = {
		{ "lstat", EACCES, "cannot look at " },
		{ "socket", EMFILE, "cannot listen on unix:" },
		{ "bind", EACCES, "cannot listen on unix:" },
		{ "fstat", EIO, "cannot look at " },
		{ "fchownat", EPERM, "cannot change the owner of " },
		{ "listen", EADDRINUSE, "cannot listen on unix:" },
	};

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		struct listen l;
		struct fault f;
		int fd;

		unix_listen(&l);
		unit_number(rows[i].call, false, open_failing(&l, rows[i].call,
		    rows[i].error, &fd, &f));
		unit_number(rows[i].call, FAULT_UNAVAILABLE, f.kind);
		unit_number(rows[i].call, 1, strstr(f.text,
		    strerror(rows[i].error)) != NULL);
		f.text[strlen(rows[i].text)] = '\0';
		unit_same(rows[i].call, rows[i].text, f.text);
		listen_remove(&l);
		unlink(l.path);
	}
	unit_end();
}

static void
put_file(void)
{
	const char *path = unit_path("s.sock");
	int fd;

	unlink(path);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	assert_true(fd >= 0);
	close(fd);
}

static void
put_second_name(void)
{
	char path[256], more[256];

	snprintf(path, sizeof path, "%s", unit_path("s.sock"));
	snprintf(more, sizeof more, "%s", unit_path("more"));
	assert_int_equal(link(path, more), 0);
}

static void
take_away(void)
{
	unlink(unit_path("s.sock"));
}

/* The folder's owner puts something else under the socket's name. */
static void
test_swapped(void **state)
{
	void (*const swaps[])(void) = { put_file, put_second_name };

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(swaps); i++) {
		struct listen l;
		struct fault f;
		int fd;

		unix_listen(&l);
		after_bind = swaps[i];
		assert_false(open_failing(&l, NULL, 0, &fd, &f));
		after_bind = NULL;
		assert_non_null(strstr(f.text, "is not the socket that was "
		    "made there"));
		/* listen_remove() leaves what is not the daemon's socket. */
		listen_remove(&l);
		assert_int_equal(access(l.path, F_OK), 0);
		unlink(l.path);
		unlink(unit_path("more"));
	}
	after_bind = NULL;
}

static void
test_in_the_way(void **state)
{
	struct listen l;
	struct fault f;
	int fd;

	(void)state;
	unix_listen(&l);
	after_bind = take_away;
	assert_false(open_failing(&l, NULL, 0, &fd, &f));
	after_bind = NULL;
	assert_non_null(strstr(f.text, "cannot look at "));
	put_file();
	assert_false(open_failing(&l, NULL, 0, &fd, &f));
	assert_non_null(strstr(f.text, "is in the way: it is not a socket"));
	assert_int_equal(access(l.path, F_OK), 0);
	unlink(l.path);
}

static void
test_tcp(void **state)
{
	static const char *const calls[] = { "socket", "bind", "listen" };
	struct listen l;
	struct fault f;
	int fd;

	(void)state;
	assert_true(parse("inet:47801@127.0.0.1", "", true, &l, &f));
	assert_string_equal(l.spec, "inet:47801@[127.0.0.1]");
	for (size_t i = 0; i < UNIT_COUNT(calls); i++) {
		assert_false(open_failing(&l, calls[i], EACCES, &fd, &f));
		assert_string_equal(f.where, "setting socketmap");
		assert_string_equal(f.text, "cannot listen on "
		    "inet:47801@[127.0.0.1]: Permission denied");
	}
	listen_remove(&l); /* a TCP socket has no name to remove */
	assert_true(parse("inet6:47801@::1", "", true, &l, &f));
	assert_string_equal(l.spec, "inet6:47801@[::1]");
	if (open_failing(&l, NULL, 0, &fd, &f)) {
		struct sockaddr_in6 a;
		socklen_t n = sizeof a;

		assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n),
		    0);
		assert_int_equal(a.sin6_family, AF_INET6);
		assert_int_equal(ntohs(a.sin6_port), 47801);
		assert_true(IN6_IS_ADDR_LOOPBACK(&a.sin6_addr));
		close(fd);
	} else {
		/* The port is taken, or there is no IPv6. */
		assert_int_equal(f.kind, FAULT_UNAVAILABLE);
	}
}

/* A socket that libmilter opens itself: when it fails the start ends. */
static void
test_libmilter(void **state)
{
	struct listen l;
	struct fault f;

	(void)state;
	assert_true(parse("inet:47802@127.0.0.1", "", false, &l, &f));
	assert_true(listen_open(&l, &f));
	failing = "setconn";
	assert_false(listen_open(&l, &f));
	assert_int_equal(f.kind, FAULT_SOFTWARE);
	failing = "opensocket";
	error = EADDRINUSE;
	assert_false(listen_open(&l, &f));
	assert_string_equal(f.where, "setting socket");
	failing = NULL;
	/* libmilter said that it made a socket, and there is none. */
	unix_listen(&l);
	assert_false(listen_open(&l, &f));
	assert_non_null(strstr(f.text, "cannot look at "));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse_refused),
		cmocka_unit_test(test_unix),
		cmocka_unit_test(test_unix_fails),
		cmocka_unit_test(test_swapped),
		cmocka_unit_test(test_in_the_way),
		cmocka_unit_test(test_tcp),
		cmocka_unit_test(test_libmilter),
	};

	log_init("t", false);
	log_set_level(LOG_LEVEL_ERROR);
	return unit_main(tests);
}
