/*
 * The socket does not block: every wait is a poll(2) with what is left until
 * the deadline, in clear and under TLS alike, so that a server that sends a
 * byte now and then gains nothing by it.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>

#include "policy/probe/smtp.h"

void
smtp_init(struct smtp *s, int64_t deadline, int64_t (*now)(void))
{
	memset(s, 0, sizeof *s);
	s->fd = -1;
	s->deadline = deadline;
	s->now = now;
}

void
smtp_close(struct smtp *s)
{
	SSL_free(s->ssl);
	s->ssl = NULL;
	if (s->fd != -1)
		close(s->fd);
	s->fd = -1;
	s->n = 0;
}

static enum smtp_result
fail(struct smtp *s, const char *what, int error)
{
	char reason[128];

	if (strerror_r(error, reason, sizeof reason) != 0)
		snprintf(reason, sizeof reason, "error %d", error);
	snprintf(s->error, sizeof s->error, "%s: %s", what, reason);
	return SMTP_FAILED;
}

static enum smtp_result
wait_until(struct smtp *s, short events, int64_t deadline)
{
	struct pollfd pfd = { s->fd, events, 0 };

	for (;;) {
		int64_t left = deadline - s->now();
		int n = left <= 0 ? 0 :
		    poll(&pfd, 1, left > 60000 ? 60000 : (int)left);

		if (n > 0)
			return SMTP_OK;
		if (n == 0 && left <= 60000) {
			snprintf(s->error, sizeof s->error, "timed out");
			return SMTP_TIMEOUT;
		}
		if (n == -1 && errno != EINTR)
			return fail(s, "poll", errno);
	}
}

enum smtp_result
smtp_connect(struct smtp *s, const struct sockaddr *address, socklen_t n,
    int64_t deadline)
{
	enum smtp_result result;
	int error = 0;
	socklen_t size = sizeof error;

	s->fd = socket(address->sa_family,
	    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->fd == -1)
		return fail(s, "socket", errno);
	if (connect(s->fd, address, n) == 0)
		return SMTP_OK;
	if (errno != EINPROGRESS)
		return fail(s, "connect", errno);
	result = wait_until(s, POLLOUT, deadline);
	if (result != SMTP_OK)
		return result;
	if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &size) == -1)
		error = errno;
	return error == 0 ? SMTP_OK : fail(s, "connect", error);
}

/* The reason of a failed TLS call, as OpenSSL words it. */
static enum smtp_result
tls_failed(struct smtp *s)
{
	unsigned long code = ERR_peek_error();
	const char *reason = ERR_reason_error_string(code);

	if (ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING ||
	    code == 0) {
		snprintf(s->error, sizeof s->error, "connection closed");
		ERR_clear_error();
		return SMTP_CLOSED;
	}
	snprintf(s->error, sizeof s->error, "%s",
	    reason == NULL ? "TLS failed" : reason);
	ERR_clear_error();
	return SMTP_FAILED;
}

/* After a TLS call that did not do: SMTP_OK when it is to be tried again. */
static enum smtp_result
tls_again(struct smtp *s, int result)
{
	switch (SSL_get_error(s->ssl, result)) {
	case SSL_ERROR_WANT_READ:
		return wait_until(s, POLLIN, s->deadline);
	case SSL_ERROR_WANT_WRITE:
		return wait_until(s, POLLOUT, s->deadline);
	case SSL_ERROR_ZERO_RETURN:
		snprintf(s->error, sizeof s->error, "connection closed");
		return SMTP_CLOSED;
	default:
		return tls_failed(s);
	}
}

enum smtp_result
smtp_handshake(struct smtp *s, SSL *ssl)
{
	enum smtp_result again;
	int result;

	s->ssl = ssl;
	if (SSL_set_fd(ssl, s->fd) != 1)
		return tls_failed(s);
	for (;;) {
		ERR_clear_error();
		result = SSL_connect(ssl);
		if (result == 1)
			return SMTP_OK;
		again = tls_again(s, result);
		if (again != SMTP_OK)
			return again;
	}
}

static enum smtp_result
receive_clear(struct smtp *s, size_t *got)
{
	enum smtp_result result;
	ssize_t n;

	for (;;) {
		n = recv(s->fd, s->buf + s->n, sizeof s->buf - s->n, 0);
		if (n > 0) {
			*got = (size_t)n;
			return SMTP_OK;
		}
		if (n == 0) {
			snprintf(s->error, sizeof s->error,
			    "connection closed");
			return SMTP_CLOSED;
		}
		if (errno != EAGAIN && errno != EINTR)
			return fail(s, "recv", errno);
		result = wait_until(s, POLLIN, s->deadline);
		if (result != SMTP_OK)
			return result;
	}
}

static enum smtp_result
receive(struct smtp *s)
{
	enum smtp_result again;
	size_t got = 0;
	int result;

	if (s->ssl == NULL) {
		again = receive_clear(s, &got);
		s->n += got;
		return again;
	}
	for (;;) {
		/* Not only in poll: a server may send without end. */
		if (s->now() >= s->deadline)
			return wait_until(s, POLLIN, s->deadline);
		ERR_clear_error();
		result = SSL_read_ex(s->ssl, s->buf + s->n,
		    sizeof s->buf - s->n, &got);
		if (result == 1) {
			s->n += got;
			return SMTP_OK;
		}
		again = tls_again(s, result);
		if (again != SMTP_OK)
			return again;
	}
}

static enum smtp_result
send_all(struct smtp *s, const char *p, size_t n)
{
	enum smtp_result again;
	size_t sent;

	while (n > 0) {
		if (s->ssl == NULL) {
			ssize_t out = send(s->fd, p, n, MSG_NOSIGNAL);

			sent = out > 0 ? (size_t)out : 0;
			if (out == -1 && errno != EAGAIN && errno != EINTR)
				return fail(s, "send", errno);
			again = out > 0 ? SMTP_OK :
			    wait_until(s, POLLOUT, s->deadline);
		} else {
			int result;

			ERR_clear_error();
			result = SSL_write_ex(s->ssl, p, n, &sent);
			if (result != 1)
				sent = 0;
			again = result == 1 ? SMTP_OK : tls_again(s, result);
		}
		if (again != SMTP_OK)
			return again;
		p += sent;
		n -= sent;
	}
	return SMTP_OK;
}

static enum smtp_result
not_smtp(struct smtp *s, const char *why)
{
	snprintf(s->error, sizeof s->error, "%s", why);
	return SMTP_NOT_SMTP;
}

/* One line without its end into `line`, which has room for SMTP_LINE_MAX. */
static enum smtp_result
read_line(struct smtp *s, char *line, size_t *length)
{
	for (;;) {
		char *end = memchr(s->buf, '\n', s->n);
		enum smtp_result result;

		if (end != NULL) {
			size_t n = (size_t)(end - s->buf);

			memcpy(line, s->buf, n);
			s->n -= n + 1;
			memmove(s->buf, end + 1, s->n);
			*length = n > 0 && line[n - 1] == '\r' ? n - 1 : n;
			return SMTP_OK;
		}
		if (s->n == sizeof s->buf)
			return not_smtp(s, "a line longer than 2048 bytes");
		if (s->now() >= s->deadline)
			return wait_until(s, POLLIN, s->deadline);
		result = receive(s);
		if (result != SMTP_OK)
			return result;
	}
}

static bool
parse_line(const char *line, size_t n, int *code, bool *last)
{
	if (n < 3 || (n > 3 && line[3] != ' ' && line[3] != '-'))
		return false;
	*code = 0;
	for (size_t i = 0; i < 3; i++) {
		if (line[i] < '0' || line[i] > '9')
			return false;
		*code = *code * 10 + (line[i] - '0');
	}
	*last = n == 3 || line[3] == ' ';
	return *code >= 200 && *code <= 599;
}

enum smtp_result
smtp_read_reply(struct smtp *s, struct smtp_reply *reply)
{
	char line[SMTP_LINE_MAX];
	enum smtp_result result;
	size_t n = 0;
	int code;
	bool last;

	text_init(&reply->text, reply->text_buf, sizeof reply->text_buf);
	reply->code = 0;
	for (int i = 0; i < SMTP_LINES_MAX; i++) {
		result = read_line(s, line, &n);
		if (result != SMTP_OK)
			return result;
		if (!parse_line(line, n, &code, &last))
			return not_smtp(s, "a line that is no SMTP reply");
		if (i > 0 && code != reply->code)
			return not_smtp(s, "a reply with two codes");
		reply->code = code;
		if (n > 4)
			text_put_printable(&reply->text,
			    slice_make(line + 4, n - 4));
		text_char(&reply->text, '\n');
		if (last)
			return SMTP_OK;
	}
	return not_smtp(s, "a reply of more than 100 lines");
}

enum smtp_result
smtp_command(struct smtp *s, const char *line, struct smtp_reply *reply)
{
	enum smtp_result result = send_all(s, line, strlen(line));

	if (result == SMTP_OK)
		result = send_all(s, "\r\n", 2);
	return result == SMTP_OK ? smtp_read_reply(s, reply) : result;
}

bool
smtp_has_input(const struct smtp *s)
{
	char c;

	return s->n > 0 || recv(s->fd, &c, 1, MSG_PEEK) > 0;
}

bool
smtp_offers(const struct smtp_reply *reply, const char *keyword)
{
	struct slice rest = slice_make(reply->text.buf, reply->text.n), line;

	/* The first line is the server's greeting, no keyword. */
	slice_next(&rest, '\n', &line);
	while (slice_next(&rest, '\n', &line)) {
		line = slice_trim(line);
		if (slice_is_nocase(slice_make(line.p, slice_find(line, ' ')),
		    keyword))
			return true;
	}
	return false;
}

struct slice
smtp_first_line(const struct smtp_reply *reply)
{
	struct slice rest = slice_make(reply->text.buf, reply->text.n);
	struct slice line = rest;

	slice_next(&rest, '\n', &line);
	return line;
}
