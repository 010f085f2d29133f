/*
 * peer.h - a connection of our engine: its socket, what of a packet has come,
 * what of the answers could not be sent yet.
 *
 * Threads: its loop's.
 */
#ifndef TLSPOLICY_MILTER_ENGINE_PEER_H
#define TLSPOLICY_MILTER_ENGINE_PEER_H

#include <sys/queue.h>

#include "milter/engine/talk.h"

/* What a thread reads at once, and what it answers before it looks again. */
enum { PEER_BUFFER = 65536 };

struct peer_scratch {
	char in[PEER_BUFFER];
	struct packet_buffer out;
	unsigned packets; /* that this turn may still take */
};

struct peer {
	struct smfi_str ctx; /* first: a context is its peer */
	void *loop;
	int fd;
	int64_t since_ms;	/* when it last said something, or heard */
	char *rest;		/* of a packet, and what came behind; or NULL */
	size_t nrest, room;
	char *unsent;
	size_t nunsent;
	size_t heavy; /* bytes it holds beyond what every one may */
	bool waits; /* for a way to send: EPOLLOUT is asked for */
	bool ended; /* the other side will send nothing more */
	TAILQ_ENTRY(peer) all, again, parked, woken;
	bool is_again, is_parked, is_woken; /* which lists it is in */
};

enum peer_next {
	PEER_REST,   /* nothing to do before its socket has something */
	PEER_AGAIN,  /* there is more: after the others */
	PEER_PARKED,
	PEER_SENDS,  /* nothing before its answers are gone */
	PEER_GONE    /* to be freed */
};

/* NULL: no memory, and `fd` is still the caller's. */
struct peer *peer_new(int fd, const struct context_callbacks *, int64_t now_ms)
    MUST_CHECK NONNULL;
/* Closes its socket. */
void peer_free(struct peer *) NONNULL;

/*
 * Its socket is readable, or writable.  PEER_AGAIN after some packets: others
 * wait.
 */
enum peer_next peer_turn(struct peer *, struct peer_scratch *) MUST_CHECK NONNULL;
/* The parked session was woken, or its time is up. */
enum peer_next peer_settle(struct peer *, struct peer_scratch *) MUST_CHECK NONNULL;
/* Ends a peer that was silent for too long; PEER_REST: not yet. */
enum peer_next peer_look(struct peer *, int64_t now_ms) MUST_CHECK NONNULL;

#endif
