/*
 * smtp.h - the client's side of an SMTP dialogue with a server that nobody
 * trusts.
 *
 * Everything is bounded: the whole dialogue by a deadline, a line, a reply and
 * what is kept of it by sizes.  A server that breaks a bound ends the
 * dialogue; it never makes us wait longer or hold more.
 *
 * SIGPIPE is ignored by the caller: OpenSSL writes to a server that has gone.
 *
 * Threads: a dialogue belongs to one thread.  Ownership: it owns its socket
 * and, once there is one, its SSL; smtp_close() releases both.
 */
#ifndef TLSPOLICY_PROBE_SMTP_H
#define TLSPOLICY_PROBE_SMTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <openssl/ssl.h>

#include "policy/base/text.h"

enum {
	SMTP_LINE_MAX = 2048,  /* RFC 5321, 4.5.3.1.5, says 512 */
	SMTP_LINES_MAX = 100,  /* of one reply */
	SMTP_TEXT_MAX = 16384, /* kept of one reply */
	SMTP_ERROR_MAX = 256
};

enum smtp_result {
	SMTP_OK,
	SMTP_TIMEOUT,
	SMTP_CLOSED,
	SMTP_NOT_SMTP, /* what came is no reply, or breaks a bound */
	SMTP_FAILED    /* the system or TLS says why, see error */
};

struct smtp {
	int fd;	 /* -1: none */
	SSL *ssl; /* NULL: in clear */
	int64_t deadline; /* on the clock `now`, milliseconds */
	int64_t (*now)(void);
	size_t n; /* bytes received and not yet used */
	char buf[SMTP_LINE_MAX];
	char error[SMTP_ERROR_MAX]; /* why it failed, for people */
};

/* A reply: its code, and its lines without codes, each ended by \n. */
struct smtp_reply {
	int code;
	struct text text; /* printable; cut when it did not fit */
	char text_buf[SMTP_TEXT_MAX];
};

void smtp_init(struct smtp *, int64_t deadline, int64_t (*now)(void));
void smtp_close(struct smtp *);

/* Connects until `deadline` at the latest. */
enum smtp_result smtp_connect(struct smtp *, const struct sockaddr *,
    socklen_t, int64_t deadline);

enum smtp_result smtp_read_reply(struct smtp *, struct smtp_reply *);
/* Sends `line` (without its CRLF) and reads the reply. */
enum smtp_result smtp_command(struct smtp *, const char *line,
    struct smtp_reply *);

/*
 * The handshake; takes over `ssl` whatever comes of it.  Bytes that the server
 * sent in clear behind its 220 must have been refused by the caller.
 */
enum smtp_result smtp_handshake(struct smtp *, SSL *ssl);
/* Bytes have arrived that were not asked for. */
bool smtp_has_input(const struct smtp *);

/* A line of the reply is `keyword` or begins with it and a blank. */
bool smtp_offers(const struct smtp_reply *, const char *keyword);
/* The first line of a reply. */
struct slice smtp_first_line(const struct smtp_reply *);

#endif
