/*
 * packet.h - the packets of the milter protocol: four bytes of length, a letter,
 * data.
 *
 * Threads: no state.
 */
#ifndef TLSPOLICY_MILTER_ENGINE_PACKET_H
#define TLSPOLICY_MILTER_ENGINE_PACKET_H

#include "policy/policy.h"

/*
 * The longest that is taken, with its letter: Postfix sends a field of a header
 * as it is, up to 102,400 bytes (header_size_limit), a body in pieces of 65,535.
 */
enum { PACKET_MAX = 256 * 1024, PACKET_HEAD = 5 };

struct packet {
	char command;
	struct slice data; /* in the bytes that it was read from */
};

enum packet_read {
	PACKET_WHOLE,
	PACKET_PARTIAL, /* its rest has not come yet */
	PACKET_BAD	/* no length of ours, so that none behind it is known */
};

/* The first one of these bytes, and how many of them it is. */
enum packet_read packet_read(struct slice bytes, struct packet *, size_t *used)
    MUST_CHECK;

/* Strings, each with a NUL behind it: the first of `*rest`, which is cut off. */
bool packet_string(struct slice *rest, const char **string) MUST_CHECK NONNULL;

/* Numbers of four bytes, the highest first. */
bool packet_number(struct slice *rest, uint32_t *number) MUST_CHECK NONNULL;

/* Packets to send. */
struct packet_buffer {
	char *bytes; /* malloc(3)'s */
	size_t n, room;
	size_t begun;	/* where the latest one stands */
	bool lost;	/* there was no memory: what follows has no effect */
};

void packet_begin(struct packet_buffer *, char command) NONNULL;
void packet_put(struct packet_buffer *, struct slice) NONNULL;
void packet_put_string(struct packet_buffer *, const char *) NONNULL; /* NUL */
void packet_put_number(struct packet_buffer *, uint32_t) NONNULL;
void packet_end(struct packet_buffer *) NONNULL;

#endif
