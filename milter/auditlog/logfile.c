/*
 * What is sealed, and where it goes.  Where the chain begins: logfile-open.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "milter/auditlog/logfile-internal.h"

static bool
grow(struct logfile *f, size_t more)
{
	size_t room = f->room == 0 ? 64 * 1024 : f->room;
	char *larger;

	while (room - f->n < more)
		room *= 2;
	if (room == f->room)
		return true;
	if ((larger = realloc(f->buf, room)) == NULL)
		return false;
	f->buf = larger;
	f->room = room;
	return true;
}

bool
logfile_seal(struct logfile *f, struct slice record)
{
	struct text out;

	if (!grow(f, record.n + CHAIN_SEAL_MAX + 1))
		return false;
	text_init(&out, f->buf + f->n, f->room - f->n);
	if (!chain_seal(f->chain, &f->head, record, &out))
		return false;
	f->n += out.n;
	return true;
}

void
logfile_unseal(struct logfile *f, size_t n, const struct chain_head *head)
{
	f->n = n;
	f->head = *head;
}

bool
logfile_seal_line(struct logfile *f, int64_t now_us,
    void (*format)(const struct chain_head *, int64_t, struct text *))
{
	char line[CHAIN_LINE_MAX];
	struct text text;

	text_init(&text, line, sizeof line);
	format(&f->head, now_us, &text);
	if (f->why != NULL)
		chain_format_why(f->why, &text);
	if (format == chain_format_link)
		chain_format_key(f->chain, &text);
	return logfile_seal(f, slice_make(line, text.n));
}

bool
logfile_seal_newline(struct logfile *f)
{
	if (!grow(f, 1))
		return false;
	f->buf[f->n++] = '\n';
	return true;
}

void
logfile_close(struct logfile *f)
{
	if (f->fd != -1)
		close(f->fd);
	chain_free(f->chain);
	free(f->buf);
	memset(f, 0, sizeof *f);
	f->fd = -1;
}

/*
 * Lines are missing here, and the last one may be half a line, which the next
 * must not be glued to.  The chain goes on where it was: who verifies it sees
 * that lines are gone.
 */
static bool
begin_behind_cut(struct logfile *f, int64_t now_us)
{
	struct fault fault;
	struct tail tail;
	bool good;

	if (!tail_read(f->fd, f->chain, &tail, &fault))
		return false;
	f->size = tail.size;
	f->at = f->n = f->told = 0;
	f->forgotten = false;
	f->head.torn = tail.head.torn;
	f->why = "cut";
	good = (tail.ended || logfile_seal_newline(f)) &&
	    logfile_seal_line(f, now_us, chain_format_link);
	f->why = NULL;
	return good;
}

/*
 * logrotate's copytruncate: the lines were copied and the file is empty again.
 * It begins with a link like any other new file.  What was sealed before is
 * sealed in another place then, so this is done while the buffer is empty.
 */
bool
logfile_begin(struct logfile *f, int64_t now_us)
{
	struct stat st;

	if (f->stream || f->ended || f->at != f->n || f->size == 0 || fstat(f->fd, &st) == -1 ||
	    (uint64_t)st.st_size >= f->size)
		return false;
	if (st.st_size > 0)
		return begin_behind_cut(f, now_us);
	f->size = 0;
	f->at = f->n = f->told = 0;
	f->forgotten = false;
	logfile_seal_line(f, now_us, chain_format_link);
	return false;
}

bool
logfile_is_nameless(const struct logfile *f)
{
	struct stat st;

	return !f->stream && fstat(f->fd, &st) == 0 && st.st_nlink == 0;
}

void
logfile_synced(struct logfile *f, size_t n)
{
	memmove(f->buf, f->buf + n, f->n - n);
	f->at -= n;
	f->n -= n;
	f->told -= n;
	f->unsynced = f->at > 0;
}

/*
 * Waits for the reader of a stream, however long: others see that this writer
 * is stalled.
 */
static bool
wait_for_reader(const struct logfile *f)
{
	struct pollfd p = { .fd = f->fd, .events = POLLOUT };

	return f->stream && (errno == EAGAIN || errno == EWOULDBLOCK) &&
	    (poll(&p, 1, -1) != -1 || errno == EINTR);
}

static void
hand_on(struct logfile *f, struct slice line)
{
	struct chain_line parts;

	if (!chain_split(line, &parts))
		return;
	memcpy(f->written.hex, parts.hex.p, CHAIN_HEX);
	f->written.hex[CHAIN_HEX] = '\0';
	f->written.seq = parts.seq;
	if (f->signing != NULL)
		signing_add(f->signing, line, &parts);
}

/*
 * Lines whose newline is in the file now; torn ones do not count.  Usually that
 * is all there is, and nobody is to be told of them one by one.
 */
static void
note_written(struct logfile *f)
{
	if (f->at == f->n && f->signing == NULL) {
		f->written = f->head;
		f->written.torn = 0;
		f->told = f->at;
		return;
	}
	while (f->told < f->at) {
		const char *start = f->buf + f->told;
		const char *end = memchr(start, '\n', f->at - f->told);

		if (end == NULL)
			return;
		hand_on(f, slice_make(start, (size_t)(end - start)));
		f->told = (size_t)(end - f->buf) + 1;
	}
}

static bool
write_all(struct logfile *f, struct fault *fault)
{
	while (f->at < f->n) {
		ssize_t n = write(f->fd, f->buf + f->at, f->n - f->at);

		if (n == -1 && (errno == EINTR || wait_for_reader(f)))
			continue;
		if (n <= 0)
			return fault_errno(fault, FAULT_IO,
			    n == 0 ? ENOSPC : errno, "cannot write");
		f->at += (size_t)n;
		f->size += (size_t)n;
		f->unsynced = true;
	}
	return true;
}

bool
logfile_write(struct logfile *f, struct fault *fault)
{
	size_t at = f->at;
	bool good = write_all(f, fault);

	if (f->at > at)
		note_written(f);
	return good;
}

void
logfile_clear(struct logfile *f)
{
	if (!f->keep)
		f->at = f->n = f->told = 0;
}

static bool
write_in_place(const struct logfile *f)
{
	uint64_t start = f->size - f->at;

	for (size_t done = 0; done < f->at;) {
		ssize_t n = pwrite(f->fd, f->buf + done, f->at - done,
		    (off_t)(start + done));

		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		done += (size_t)n;
	}
	return true;
}

/*
 * pwrite(2) heeds no offset while O_APPEND is set.  A file that somebody has
 * cut off has no place for these bytes any more.
 */
static bool
write_again(const struct logfile *f)
{
	int flags = fcntl(f->fd, F_GETFL);
	struct stat st;
	bool good;

	if (fstat(f->fd, &st) == -1)
		return false;
	if ((uint64_t)st.st_size < f->size || f->size < f->at)
		return true;
	if (fcntl(f->fd, F_SETFL, flags & ~O_APPEND) == -1)
		return false;
	good = write_in_place(f);
	return fcntl(f->fd, F_SETFL, flags) != -1 && good;
}

bool
logfile_sync(struct logfile *f, struct fault *fault)
{
	if (f->unsynced && !f->stream && ((f->forgotten && !write_again(f)) ||
	    fdatasync(f->fd) == -1)) {
		f->forgotten = true;
		return fault_errno(fault, FAULT_IO, errno,
		    "cannot bring to disk");
	}
	f->unsynced = f->forgotten = false;
	if (f->at == f->n)
		f->at = f->n = f->told = 0;
	return true;
}

bool
logfile_tear(struct logfile *f, size_t start, const struct chain_head *before)
{
	f->head = *before;
	return chain_torn(f->chain, &f->head,
	    slice_make(f->buf + start, f->at - start));
}
