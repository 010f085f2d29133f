/*
 * The buffer is as large as what an MTA writes at once: macros and command of
 * a step.  A body, or a long field of a header, is read past it.
 */
#include "config.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "milter/handover.h"
#include "milter/readahead.h"

enum { BUFFER = 8192 };

static _Thread_local struct {
	int fd; /* plus one: 0 is none, as every thread begins */
	size_t at, end;
	bool ended; /* by the peer, behind the bytes */
	char bytes[BUFFER];
} ahead;

static _Thread_local int64_t waited_ms;

bool
readahead_is_new(int fd)
{
	return ahead.fd != fd + 1;
}

bool
readahead_holds(int fd)
{
	return !readahead_is_new(fd) && (ahead.at < ahead.end || ahead.ended);
}

void
readahead_leave(void)
{
	ahead.fd = 0;
	ahead.at = ahead.end = 0;
	ahead.ended = false;
}

int64_t *
readahead_waited(void)
{
	return &waited_ms;
}

enum readahead
readahead_fill(int fd)
{
	ssize_t n;

	if (readahead_is_new(fd)) {
		readahead_leave();
		ahead.fd = fd + 1;
	}
	if (readahead_holds(fd))
		return READAHEAD_READY;
	n = recv(fd, ahead.bytes, sizeof ahead.bytes, MSG_DONTWAIT);
	if (n >= 0) {
		ahead.at = 0;
		ahead.end = (size_t)n;
		ahead.ended = n == 0;
		return READAHEAD_READY;
	}
	if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
		return READAHEAD_EMPTY;
	readahead_leave();
	return READAHEAD_NOT_HERE;
}

ssize_t
read(int fd, void *to, size_t size)
{
	struct iovec whole = { to, size };
	size_t n = ahead.end - ahead.at;

	if (!readahead_holds(fd))
		return readv(fd, &whole, 1);
	if (n > size)
		n = size;
	memcpy(to, ahead.bytes + ahead.at, n);
	ahead.at += n;
	return (ssize_t)n;
}

/* The next session on this descriptor must not read what this one left. */
int
close(int fd)
{
	if (!readahead_is_new(fd))
		readahead_leave();
	waited_ms = 0;
	handover_end(fd);
	return (int)syscall(SYS_close, fd);
}
