/*
 * socket.h - where a milter listens, in the spelling of each program.
 *
 * We and sendmail say unix:PATH (sendmail also local:PATH), inet:PORT@HOST and
 * inet6:PORT@HOST; Postfix says unix:PATH and inet:HOST:PORT.  Two spellings
 * are compared by what they lead to: names are looked up.
 *
 * Threads: no state; socket_same() may ask DNS.
 */
#ifndef TLSPOLICY_DOCTOR_SOCKET_H
#define TLSPOLICY_DOCTOR_SOCKET_H

#include <stdbool.h>

#include "policy/base/text.h"

enum { SOCKET_PATH_MAX = 1024, SOCKET_HOST_MAX = 256, SOCKET_PORT_MAX = 32 };

struct socket_address {
	char path[SOCKET_PATH_MAX]; /* "": an inet one */
	char host[SOCKET_HOST_MAX], port[SOCKET_PORT_MAX];
	bool ipv6;		    /* said to be */
};

/* False: no such thing. */
bool socket_parse(struct slice, struct socket_address *);
bool socket_parse_postfix(struct slice, struct socket_address *);

/*
 * Who connects to `to` reaches who listens on `at`.  Paths are compared as they
 * are, then by file: links lead somewhere.
 */
bool socket_same(const struct socket_address *to,
    const struct socket_address *at);

/* As Postfix and as sendmail write it. */
void socket_print_postfix(const struct socket_address *, struct text *);
void socket_print_sendmail(const struct socket_address *, struct text *);

#endif
