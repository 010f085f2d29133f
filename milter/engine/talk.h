/*
 * talk.h - what a session says: a packet in, callbacks, answers out.  No socket
 * and no clock, so that tests can say anything.
 *
 * Whatever a peer sends, its session goes on, ends, or is broken and to be
 * closed; a message that was under way is told to the callbacks as aborted.
 *
 * Threads: the context's.
 */
#ifndef TLSPOLICY_MILTER_ENGINE_TALK_H
#define TLSPOLICY_MILTER_ENGINE_TALK_H

#include "milter/engine/context.h"

enum talk {
	TALK_ON,
	TALK_PARKED, /* no more packets before talk_settled() */
	TALK_OVER,   /* the callbacks are done with it */
	TALK_BROKEN  /* ctx->why; talk_end() is next */
};

/* Answers are added to `out`. */
enum talk talk_packet(SMFICTX *, const struct packet *, struct packet_buffer *)
    MUST_CHECK NONNULL;
/* The parked session was woken, or its time is up. */
enum talk talk_settled(SMFICTX *, struct packet_buffer *) MUST_CHECK NONNULL;
/* There will be no more packets: TALK_OVER, or TALK_PARKED on the way there. */
enum talk talk_end(SMFICTX *) MUST_CHECK NONNULL;

/* talk-negotiate.c: NULL, or why not. */
const char *talk_negotiate(SMFICTX *, struct slice offer,
    struct packet_buffer *) MUST_CHECK NONNULL;

#endif
