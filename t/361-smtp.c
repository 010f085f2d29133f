/*
 * The SMTP client of probe with each call failing, in clear and under TLS: it
 * says why, never waits longer than it may, and takes no piece for a reply.
 *
 * The server lives in poll(): there it does what the client waits for.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <openssl/err.h>

#include "policy/probe/smtp.h"
#include "t/failing.h"
#include "t/unit.h"

static int64_t clock_ms, per_poll;
static void (*server)(void);
static int pair[2];
static SSL *server_ssl;

/* __recv_chk is a hardened recv. */
WRAP(int, -1, socket, (int domain, int type, int protocol),
    (domain, type, protocol))
WRAP(int, -1, getsockopt, (int fd, int level, int name, void *p, socklen_t *n),
    (fd, level, name, p, n))
WRAP(ssize_t, -1, send, (int fd, const void *p, size_t n, int flags),
    (fd, p, n, flags))

ssize_t __real_recv(int, void *, size_t, int);
ssize_t __wrap_recv(int, void *, size_t, int);
ssize_t __wrap___recv_chk(int, void *, size_t, size_t, int);
int __wrap_connect(int, const struct sockaddr *, socklen_t);
int __real_connect(int, const struct sockaddr *, socklen_t);
int __wrap_poll(struct pollfd *, nfds_t, int);
int __real_poll(struct pollfd *, nfds_t, int);
int __wrap_SSL_set_fd(SSL *, int);
int __real_SSL_set_fd(SSL *, int);

ssize_t
__wrap_recv(int fd, void *p, size_t n, int flags)
{
	return fails("recv") ? -1 : __real_recv(fd, p, n, flags);
}

ssize_t
__wrap___recv_chk(int fd, void *p, size_t n, size_t room, int flags)
{
	assert_true(n <= room);
	return __wrap_recv(fd, p, n, flags);
}

int
__wrap_connect(int fd, const struct sockaddr *a, socklen_t n)
{
	if (fails("connect"))
		return error == 0 ? 0 : -1;
	return __real_connect(fd, a, n);
}

/*
 * poll(2) does not wait: it moves the test's clock and lets the server answer.
 */
int
__wrap_poll(struct pollfd *p, nfds_t n, int timeout)
{
	assert_in_range(timeout, 1, 60000);
	if (fails("poll"))
		return -1;
	if (server != NULL)
		server();
	clock_ms += per_poll;
	return __real_poll(p, n, 0);
}

int
__wrap_SSL_set_fd(SSL *ssl, int fd)
{
	if (!fails("SSL_set_fd"))
		return __real_SSL_set_fd(ssl, fd);
	if (error != 0)
		ERR_raise(ERR_LIB_USER, 99);
	return 0;
}

static int64_t
now(void)
{
	return clock_ms;
}

static int
set_up(void **state)
{
	(void)state;
	failing = NULL;
	server = NULL;
	clock_ms = 0;
	per_poll = 1000;
	return socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    0, pair);
}

static int
tear_down(void **state)
{
	(void)state;
	SSL_free(server_ssl);
	server_ssl = NULL;
	if (pair[0] != -1)
		close(pair[0]);
	return 0;
}

/* The client, with one end of the socket pair. */
static void
client(struct smtp *s)
{
	smtp_init(s, 100000, now);
	s->fd = pair[1];
}

static void
want(const struct smtp *s, enum smtp_result wanted, const char *text,
    enum smtp_result got)
{
	unit_number(text, wanted, got);
	unit_same(text, text, s->error);
	unit_same(text, "failed", failing == NULL ? "failed" : failing);
	failing = NULL;
}

static void
test_connect(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const struct sockaddr *a = (const struct sockaddr *)&address;
	static const struct {
		const char *call;
		int error;
		enum smtp_result result;
		const char *text;
	} rows[] = {
		{ "socket", EMFILE, SMTP_FAILED,
		    "socket: Too many open files" },
		{ "connect", ENETUNREACH, SMTP_FAILED,
		    "connect: Network is unreachable" },
		{ "connect", 9999, SMTP_FAILED, "connect: error 9999" },
		{ "connect", 0, SMTP_OK, "" }
	};
	struct smtp s;

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		let_fail(rows[i].call, 0, rows[i].error);
		smtp_init(&s, 1000, now);
		want(&s, rows[i].result, rows[i].text,
		    smtp_connect(&s, a, sizeof address, 1000));
		smtp_close(&s);
	}
	unit_end();
}

static void
fail_getsockopt(void)
{
	let_fail("getsockopt", 0, ENOTSOCK);
}

/*
 * A connect(2) under way that takes too long, or whose result cannot be asked.
 */
static void
test_connecting(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const struct sockaddr *a = (const struct sockaddr *)&address;
	struct smtp s;

	(void)state;
	let_fail("connect", 0, EINPROGRESS);
	smtp_init(&s, 1000, now);
	clock_ms = 1000;
	want(&s, SMTP_TIMEOUT, "timed out",
	    smtp_connect(&s, a, sizeof address, 1000));
	smtp_close(&s);
	clock_ms = 0;
	server = fail_getsockopt;
	let_fail("connect", 0, EINPROGRESS);
	want(&s, SMTP_FAILED,
	    "connect: Socket operation on non-socket",
	    smtp_connect(&s, a, sizeof address, 1000));
	smtp_close(&s);
	unit_end();
}

/* Longer than a minute: poll is asked again, up to the deadline. */
static void
test_wait(void **state)
{
	struct smtp_reply reply;
	struct smtp s;

	(void)state;
	client(&s);
	per_poll = 60000;
	want(&s, SMTP_TIMEOUT, "timed out", smtp_read_reply(&s, &reply));
	assert_int_equal(clock_ms, 120000);
	s.deadline = 200000;
	let_fail("poll", 0, EBADF);
	want(&s, SMTP_FAILED, "poll: Bad file descriptor",
	    smtp_read_reply(&s, &reply));
	smtp_close(&s);
	unit_end();
}

static void
answer(void)
{
	static const char text[] = "250-first\r\n250 last\r\n";

	if (server_ssl == NULL)
		assert_int_equal(write(pair[0], text, sizeof text - 1),
		    sizeof text - 1);
	else
		assert_int_equal(SSL_write(server_ssl, text,
		    sizeof text - 1), sizeof text - 1);
	server = NULL;
}

/* After EINTR and EAGAIN the rest of the command is sent. */
static void
test_clear(void **state)
{
	static const struct {
		const char *call;
		int error;
		enum smtp_result result;
		const char *text;
	} rows[] = {
		{ "send", EINTR, SMTP_OK, "" },
		{ "send", EAGAIN, SMTP_OK, "" },
		{ "recv", EINTR, SMTP_OK, "" },
		{ "poll", EINTR, SMTP_OK, "" },
		{ "send", EPIPE, SMTP_FAILED, "send: Broken pipe" },
		{ "recv", ECONNRESET, SMTP_FAILED,
		    "recv: Connection reset by peer" }
	};
	struct smtp_reply reply;
	struct smtp s;
	char sent[16] = "";

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		client(&s);
		server = answer;
		let_fail(rows[i].call, 0, rows[i].error);
		want(&s, rows[i].result, rows[i].text,
		    smtp_command(&s, "NOOP", &reply));
		if (rows[i].result != SMTP_OK)
			continue;
		unit_number(rows[i].call, 250, reply.code);
		unit_same(rows[i].call, "first\nlast\n", reply.text_buf);
		unit_number(rows[i].call, 6, read(pair[0], sent, 6));
		unit_same(rows[i].call, "NOOP\r\n", sent);
		/* The server has answered while the client waited to send. */
		server = NULL;
	}
	smtp_close(&s);
	unit_end();
}

/*
 * The deadline ends a server that sends a byte at a time, and one that reads
 * nothing.
 */
static void
test_late(void **state)
{
	static char line[1 << 20];
	struct smtp_reply reply;
	struct smtp s;

	(void)state;
	client(&s);
	assert_int_equal(write(pair[0], "2", 1), 1);
	per_poll = 99999;
	want(&s, SMTP_TIMEOUT, "timed out", smtp_read_reply(&s, &reply));
	assert_true(smtp_has_input(&s));
	s.n = 0;
	clock_ms = 0;
	memset(line, 'a', sizeof line - 1);
	want(&s, SMTP_TIMEOUT, "timed out", smtp_command(&s, line, &reply));
	clock_ms = 100000;
	want(&s, SMTP_TIMEOUT, "timed out", smtp_read_reply(&s, &reply));
	assert_false(smtp_has_input(&s));
	smtp_close(&s);
	unit_end();
}

static SSL *
new_ssl(const SSL_METHOD *method)
{
	SSL_CTX *ctx = SSL_CTX_new(method);
	SSL *ssl;

	assert_non_null(ctx);
	assert_int_equal(SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION),
	    1);
	assert_int_equal(SSL_CTX_set_cipher_list(ctx, "ADH:@SECLEVEL=0"), 1);
	SSL_CTX_set_dh_auto(ctx, 1);
	ssl = SSL_new(ctx);
	SSL_CTX_free(ctx);
	assert_non_null(ssl);
	return ssl;
}

static void
greet(void)
{
	SSL_accept(server_ssl);
	ERR_clear_error();
}

static void
under_tls(struct smtp *s)
{
	client(s);
	server_ssl = new_ssl(TLS_server_method());
	assert_int_equal(SSL_set_fd(server_ssl, pair[0]), 1);
	server = greet;
	assert_int_equal(smtp_handshake(s, new_ssl(TLS_client_method())),
	    SMTP_OK);
	server = answer;
}

static void
test_no_handshake(void **state)
{
	struct smtp s;

	(void)state;
	client(&s);
	let_fail("SSL_set_fd", 0, 0);
	want(&s, SMTP_CLOSED, "connection closed",
	    smtp_handshake(&s, new_ssl(TLS_client_method())));
	SSL_free(s.ssl);
	let_fail("SSL_set_fd", 0, 1);
	want(&s, SMTP_FAILED, "TLS failed",
	    smtp_handshake(&s, new_ssl(TLS_client_method())));
	smtp_close(&s);
	unit_end();
}

static void
shut(void)
{
	SSL_shutdown(server_ssl);
	server = NULL;
}

static void
hang_up(void)
{
	close(pair[0]);
	pair[0] = -1;
	server = NULL;
}

static void
test_tls(void **state)
{
	struct smtp_reply reply;
	struct smtp s;

	(void)state;
	under_tls(&s);
	want(&s, SMTP_OK, "", smtp_command(&s, "NOOP", &reply));
	unit_same("under TLS", "first\nlast\n", reply.text_buf);
	let_fail("poll", 0, EINTR);
	server = shut;
	want(&s, SMTP_CLOSED, "connection closed",
	    smtp_read_reply(&s, &reply));
	smtp_close(&s);
	unit_end();
}

/* A server that closes without TLS's close_notify gives no reply. */
static void
test_tls_cut(void **state)
{
	struct smtp_reply reply;
	struct smtp s;

	(void)state;
	under_tls(&s);
	server = hang_up;
	want(&s, SMTP_CLOSED, "connection closed",
	    smtp_read_reply(&s, &reply));
	smtp_close(&s);
	unit_end();
}

static void
pass_time(void)
{
	answer();
	clock_ms = 100000;
}

static void
test_tls_late(void **state)
{
	static char line[1 << 20];
	struct smtp_reply reply;
	struct smtp s;

	(void)state;
	under_tls(&s);
	server = NULL;
	memset(line, 'a', sizeof line - 1);
	want(&s, SMTP_TIMEOUT, "timed out", smtp_command(&s, line, &reply));
	clock_ms = 0;
	server = pass_time;
	want(&s, SMTP_TIMEOUT, "timed out", smtp_read_reply(&s, &reply));
	smtp_close(&s);
	unit_end();
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_connect), TEST(test_connecting), TEST(test_wait),
		TEST(test_clear), TEST(test_late), TEST(test_no_handshake),
		TEST(test_tls), TEST(test_tls_cut), TEST(test_tls_late)
	};

	signal(SIGPIPE, SIG_IGN); /* the command ignores SIGPIPE, too */
	return unit_main(tests);
}
