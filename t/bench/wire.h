/*
 * Packets of the milter protocol, version 6, as an MTA writes and reads them:
 * a length in network order, a command letter, data.  Bounded buffers; a
 * packet that does not fit is a broken test and ends the program.
 */
#ifndef T_BENCH_WIRE_H
#define T_BENCH_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WIRE_MAX 8192

struct wire_out {
	size_t used;
	size_t packet;		/* where the packet being written begins */
	unsigned char data[WIRE_MAX];
};

void wire_begin(struct wire_out *, char command);
void wire_u32(struct wire_out *, uint32_t);
void wire_u16(struct wire_out *, unsigned);
void wire_char(struct wire_out *, char);
void wire_text(struct wire_out *, const char *);	/* without its NUL */
void wire_string(struct wire_out *, const char *);	/* with its NUL */
void wire_end(struct wire_out *);

/* Write all of it to a blocking socket and empty the buffer. */
bool wire_send(struct wire_out *, int fd);

struct wire_in {
	size_t used;
	size_t gone;		/* of used: packets handed out before */
	unsigned char data[WIRE_MAX];
};

struct wire_packet {
	char command;
	const unsigned char *data;	/* into the wire_in: until wire_fill */
	size_t size;
};

/* Take what the socket holds, without waiting; false: closed or broken. */
bool wire_fill(struct wire_in *, int fd);

/* The next whole packet, if there is one. */
bool wire_next(struct wire_in *, struct wire_packet *);

uint32_t wire_get_u32(const unsigned char *);

#endif
