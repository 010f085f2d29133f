/*
 * listen.h - the socket on which MTAs connect.
 *
 * Written "unix:/PATH" or "inet:PORT@HOST" in the settings; libmilter itself
 * checks nothing and would listen on a file called "foo" for "foo:bar".
 *
 * A socket file that a dead daemon left behind is removed.  Anything else in
 * its place, and a socket on which somebody listens, stays and is an error.
 *
 * Threads: the main thread only.
 */
#ifndef TLSPOLICY_LISTEN_H
#define TLSPOLICY_LISTEN_H

#include <sys/types.h>

#include "milter/endpoint.h"

enum { LISTEN_SPEC_MAX = 160 };

struct listen {
	bool tcp;
	bool datagram;	/* messages come without connections */
	bool inherited; /* the service manager's: activation.h */
	int fd;		/* of an inherited one */
	char spec[LISTEN_SPEC_MAX]; /* in libmilter's spelling */
	const char *path;	    /* of a unix socket: points into spec */
	const char *setting;	    /* its name, for messages */
	struct endpoint endpoint;   /* of a TCP socket */
	uid_t owner;
	gid_t group;
	mode_t mode;
	dev_t device; /* of the socket that was made, to be sure that it */
	ino_t inode;  /* is still ours when it is removed; 0: not known */
};

/*
 * Check the settings socket, socket-mode and socket-group.  `owner` and
 * `group`: what the daemon runs as.  Touches nothing.
 */
bool listen_parse(const struct settings *, uid_t owner, gid_t group,
    struct listen *, struct fault *) MUST_CHECK NONNULL;

/* The same for the settings socketmap, socketmap-mode, socketmap-group. */
bool listen_parse_map(const struct settings *, uid_t owner, gid_t group,
    struct listen *, struct fault *) MUST_CHECK NONNULL;

/* The same for facts-socket, facts-socket-mode, facts-socket-group. */
bool listen_parse_facts(const struct settings *, uid_t owner, gid_t group,
    struct listen *, struct fault *) MUST_CHECK NONNULL;

/*
 * The same for tlsrpt-socket, tlsrpt-socket-mode, tlsrpt-socket-group; that
 * one is a datagram socket.
 */
bool listen_parse_tlsrpt(const struct settings *, uid_t owner, gid_t group,
    struct listen *, struct fault *) MUST_CHECK NONNULL;

/* After callbacks_register(), before privileges are dropped. */
bool listen_open(struct listen *, struct fault *) MUST_CHECK NONNULL;
/* A socket of our own, not libmilter's; does not block. */
bool listen_open_fd(struct listen *, int *fd, struct fault *)
    MUST_CHECK NONNULL;
void listen_remove(const struct listen *) NONNULL;
/* Notes which file a socket that is handed over has, if that can be seen. */
void listen_note(struct listen *) NONNULL;
/*
 * False: the socket's name is gone, or leads elsewhere: who connects does not
 * come here.
 */
bool listen_is_there(const struct listen *) MUST_CHECK NONNULL;

#endif
