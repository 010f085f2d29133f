#include <sys/socket.h>

#include <err.h>
#include <errno.h>
#include <string.h>
#include <sysexits.h>

#include "t/bench/wire.h"

static void
put(struct wire_out *w, const void *p, size_t n)
{
	if (n > sizeof(w->data) - w->used)
		errx(EX_SOFTWARE, "packet larger than %d bytes", WIRE_MAX);
	memcpy(w->data + w->used, p, n);
	w->used += n;
}

void
wire_u32(struct wire_out *w, uint32_t n)
{
	unsigned char b[4] = { (unsigned char)(n >> 24),
		(unsigned char)(n >> 16), (unsigned char)(n >> 8),
		(unsigned char)n };

	put(w, b, sizeof(b));
}

void
wire_u16(struct wire_out *w, unsigned n)
{
	unsigned char b[2] = { (unsigned char)(n >> 8), (unsigned char)n };

	put(w, b, sizeof(b));
}

void
wire_char(struct wire_out *w, char c)
{
	put(w, &c, 1);
}

void
wire_text(struct wire_out *w, const char *s)
{
	put(w, s, strlen(s));
}

void
wire_string(struct wire_out *w, const char *s)
{
	put(w, s, strlen(s) + 1);
}

void
wire_begin(struct wire_out *w, char command)
{
	w->packet = w->used;
	wire_u32(w, 0);
	wire_char(w, command);
}

void
wire_end(struct wire_out *w)
{
	size_t end = w->used;

	w->used = w->packet;
	wire_u32(w, (uint32_t)(end - w->packet - 4));
	w->used = end;
}

bool
wire_send(struct wire_out *w, int fd)
{
	size_t sent = 0;
	ssize_t n;

	while (sent < w->used) {
		n = send(fd, w->data + sent, w->used - sent, MSG_NOSIGNAL);
		if (n == -1 && errno != EINTR)
			return false;
		if (n > 0)
			sent += (size_t)n;
	}
	w->used = 0;
	return true;
}

bool
wire_fill(struct wire_in *w, int fd)
{
	ssize_t n;

	memmove(w->data, w->data + w->gone, w->used - w->gone);
	w->used -= w->gone;
	w->gone = 0;
	n = recv(fd, w->data + w->used, sizeof(w->data) - w->used,
	    MSG_DONTWAIT);
	if (n > 0)
		w->used += (size_t)n;
	return n > 0 || (n == -1 && (errno == EAGAIN || errno == EINTR));
}

bool
wire_next(struct wire_in *w, struct wire_packet *p)
{
	const unsigned char *at = w->data + w->gone;
	size_t have = w->used - w->gone, size;

	if (have < 5)
		return false;
	size = wire_get_u32(at);
	if (size == 0 || size > sizeof(w->data) - 4)
		errx(EX_PROTOCOL, "the milter sent a packet of %zu bytes", size);
	if (have - 4 < size)
		return false;
	p->command = (char)at[4];
	p->data = at + 5;
	p->size = size - 1;
	w->gone += 4 + size;
	return true;
}

uint32_t
wire_get_u32(const unsigned char *b)
{
	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 |
	    (uint32_t)b[2] << 8 | b[3];
}
