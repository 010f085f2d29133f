#include <stdlib.h>
#include <string.h>

#include "milter/engine/packet.h"

enum { ROOM_FIRST = 512 };

static uint32_t
number_of(const char *p)
{
	const unsigned char *u = (const unsigned char *)p;

	return (uint32_t)u[0] << 24 | (uint32_t)u[1] << 16 |
	    (uint32_t)u[2] << 8 | u[3];
}

enum packet_read
packet_read(struct slice bytes, struct packet *packet, size_t *used)
{
	uint32_t length;

	*used = 0;
	if (bytes.n < 4)
		return PACKET_PARTIAL;
	length = number_of(bytes.p);
	if (length == 0 || length > PACKET_MAX)
		return PACKET_BAD;
	if (bytes.n - 4 < length)
		return PACKET_PARTIAL;
	packet->command = bytes.p[4];
	packet->data = slice_make(bytes.p + PACKET_HEAD, length - 1);
	*used = 4 + (size_t)length;
	return PACKET_WHOLE;
}

bool
packet_string(struct slice *rest, const char **string)
{
	const char *end = rest->n == 0 ? NULL : memchr(rest->p, '\0', rest->n);

	if (end == NULL)
		return false;
	*string = rest->p;
	*rest = slice_from(*rest, (size_t)(end - rest->p) + 1);
	return true;
}

bool
packet_number(struct slice *rest, uint32_t *number)
{
	if (rest->n < 4)
		return false;
	*number = number_of(rest->p);
	*rest = slice_from(*rest, 4);
	return true;
}

/* NULL: no memory. */
static char *
room_for(struct packet_buffer *b, size_t n)
{
	size_t room = b->room == 0 ? ROOM_FIRST : b->room;
	char *more;

	if (b->lost)
		return NULL;
	while (room < b->n + n)
		room *= 2;
	if (room != b->room) {
		more = realloc(b->bytes, room);
		if (more == NULL) {
			b->lost = true;
			return NULL;
		}
		b->bytes = more;
		b->room = room;
	}
	return b->bytes + b->n;
}

void
packet_put(struct packet_buffer *b, struct slice s)
{
	char *to = room_for(b, s.n);

	if (to == NULL || s.n == 0)
		return;
	memcpy(to, s.p, s.n);
	b->n += s.n;
}

void
packet_put_string(struct packet_buffer *b, const char *s)
{
	packet_put(b, slice_make(s, strlen(s) + 1));
}

void
packet_put_number(struct packet_buffer *b, uint32_t number)
{
	char bytes[4] = { (char)(number >> 24), (char)(number >> 16),
		(char)(number >> 8), (char)number };

	packet_put(b, slice_make(bytes, sizeof bytes));
}

void
packet_begin(struct packet_buffer *b, char command)
{
	b->begun = b->n;
	packet_put_number(b, 0);
	packet_put(b, slice_make(&command, 1));
}

void
packet_end(struct packet_buffer *b)
{
	size_t n = b->n;

	if (b->lost)
		return;
	b->n = b->begun;
	packet_put_number(b, (uint32_t)(n - b->begun - 4));
	b->n = n;
}
