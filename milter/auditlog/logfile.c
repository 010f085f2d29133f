/*
 * What is sealed, and where it goes.  How the file is come by: logfile-take.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "milter/auditlog/logfile-epoch.h"
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

static bool
seal_line(struct logfile *f, int64_t now_us,
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

static bool
seal_newline(struct logfile *f)
{
	if (!grow(f, 1))
		return false;
	f->buf[f->n++] = '\n';
	return true;
}

/* The chain goes on behind the line that is known. */
static void
go_on_behind_known(struct logfile *f, enum logfile_loss loss, uint64_t ends)
{
	static const char *const why[] = { [LOGFILE_CUT] = "cut",
		[LOGFILE_LOST] = "lost", [LOGFILE_CHANGED] = "changed" };

	f->loss = loss;
	f->ends = ends;
	f->why = why[loss];
	memcpy(f->head.hex, f->known->hex, sizeof f->head.hex);
	f->head.seq = f->known->seq;
}

/*
 * The file ends in an older epoch than the key's: the line that ends it is cut
 * off.
 */
static void
lose_epoch(struct logfile *f)
{
	f->loss = LOGFILE_CUT;
	f->ends = f->head.seq;
	f->why = "cut";
}

/* Behind a rotated file, if there is one. */
static void
begin_behind(struct logfile *f, const char *path)
{
	struct tail tail;
	bool found = tail_of_rotated(path, f->chain, &tail);

	chain_head_init(&f->head);
	if (found)
		f->head = tail.head;
	if (f->known != NULL && f->head.seq < f->known->seq)
		go_on_behind_known(f, found ? LOGFILE_CUT : LOGFILE_LOST,
		    f->head.seq);
	else if (found && f->behind)
		lose_epoch(f);
}

static bool
begin(struct logfile *f, const char *path, const struct tail *tail,
    const struct chain_head *before, int64_t now_us, struct fault *fault)
{
	if (before != NULL)
		f->head = *before;
	else
		begin_behind(f, path);
	f->head.torn += tail->head.torn;
	if ((tail->ended || seal_newline(f)) &&
	    seal_line(f, now_us, chain_format_link))
		return true;
	return fault_errno(fault, FAULT_UNAVAILABLE, ENOMEM, "audit log");
}

/*
 * Is the known line in the file, or, when a daemon was killed soon after it had
 * begun this one, in one before?  f->loss tells.
 */
static bool
look_for_known(struct logfile *f, const char *path, const struct tail *tail,
    struct fault *fault)
{
	if (f->known == NULL)
		return true;
	if (f->head.seq < f->known->seq) {
		go_on_behind_known(f, LOGFILE_CUT, f->head.seq);
		return true;
	}
	switch (tail_search(f->fd, f->known, fault)) {
	case TAIL_UNREADABLE:
		return false;
	case TAIL_NOT_THERE:
		if (tail->first > f->known->seq &&
		    tail_search_rotated(path, f->known))
			return true;
		go_on_behind_known(f, LOGFILE_CHANGED, f->head.seq);
		return true;
	default:
		return true;
	}
}

/* Its lines were sealed with another key, or its key has no id yet. */
static bool
begin_with_key(struct logfile *f, const char *path, struct tail *tail,
    const struct chain_head *before, int64_t now_us, struct fault *fault)
{
	struct tail empty = { .ended = true };

	tail_link_to(tail, f->chain);
	f->head = tail->head;
	f->why = "key";
	f->renamed = true;
	if (before != NULL)
		f->head = *before;
	else if (!look_for_known(f, path, tail, fault))
		return false;
	f->size = 0;
	before = &f->head;
	return logfile_set_aside(f, path, now_us, fault) &&
	    folder_sync(path, fault) &&
	    begin(f, path, &empty, before, now_us, fault);
}

static bool
resume(struct logfile *f, const char *path, const struct chain_head *before,
    int64_t now_us, struct fault *fault)
{
	struct tail tail;

	if (!tail_read(f->fd, f->chain, &tail, fault))
		return false;
	f->size = tail.size;
	if (!tail.found)
		return begin(f, path, &tail, before, now_us, fault);
	f->head = tail.head;
	if (!tail_has_key_of(&tail, f->chain))
		return begin_with_key(f, path, &tail, before, now_us, fault);
	f->head = f->written = tail.head;
	memcpy(f->written.hex, tail.sealed, sizeof tail.sealed);
	f->written.torn = 0;
	if (!look_for_known(f, path, &tail, fault))
		return false;
	if (f->behind && f->loss == LOGFILE_NOTHING)
		lose_epoch(f);
	if ((tail.ended || seal_newline(f)) && (f->loss != LOGFILE_NOTHING ?
	    seal_line(f, now_us, chain_format_link) : f->head.torn == 0 ||
	    seal_line(f, now_us, chain_format_mark)))
		return true;
	return fault_errno(fault, FAULT_UNAVAILABLE, ENOMEM, "audit log");
}

/* A stream (stdout, a pipe) cannot be read back: its chain begins anew. */
static bool
begin_stream(struct logfile *f, const struct chain_head *before,
    int64_t now_us, struct fault *fault)
{
	if (before != NULL)
		f->head = *before;
	else
		chain_head_init(&f->head);
	f->why = "stream";
	if (seal_line(f, now_us, chain_format_link))
		return true;
	return fault_errno(fault, FAULT_UNAVAILABLE, ENOMEM, "audit log");
}

static bool
make_chain(struct logfile *f, const char *path, struct slice key,
    struct fault *fault)
{
	if (f->ratchet != NULL)
		return logfile_catch_up(f, path, &f->behind, fault);
	return (f->chain = chain_new(key, fault)) != NULL;
}

bool
logfile_open(struct logfile *f, const char *path, struct slice key,
    const struct chain_head *before, int64_t now_us, struct fault *fault)
{
	struct logfile fresh = { .fd = -1, .why = f->why, .known = f->known,
		.signing = f->signing, .ratchet = f->ratchet };

	if (logfile_take(&fresh, path, fault) &&
	    make_chain(&fresh, path, key, fault) && (fresh.stream ?
	    begin_stream(&fresh, before, now_us, fault) :
	    folder_sync(path, fault) &&
	    resume(&fresh, path, before, now_us, fault))) {
		fresh.why = NULL;
		fresh.known = NULL;
		*f = fresh;
		return true;
	}
	if (fault->where[0] == '\0')
		fault_at_setting(fault, "audit-file");
	logfile_close(&fresh);
	return false;
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
	good = (tail.ended || seal_newline(f)) &&
	    seal_line(f, now_us, chain_format_link);
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
	seal_line(f, now_us, chain_format_link);
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

/* As long as its reader takes; others see that this writer is stalled. */
static bool
wait_for_reader(const struct logfile *f)
{
	struct pollfd p = { .fd = f->fd, .events = POLLOUT };

	return f->stream && (errno == EAGAIN || errno == EWOULDBLOCK) &&
	    (poll(&p, 1, -1) != -1 || errno == EINTR);
}

static void
tell_line(struct logfile *f, struct slice line)
{
	struct chain_line parts;

	if (!chain_split(line, &parts))
		return;
	memcpy(f->written.hex, parts.hex.p, CHAIN_HEX);
	f->written.hex[CHAIN_HEX] = '\0';
	f->written.seq = parts.seq;
	if (signing_is_on(f->signing))
		signing_add(f->signing, line, &parts);
}

/* Lines whose newline is in the file now; torn ones do not count. */
static void
note_written(struct logfile *f)
{
	while (f->told < f->at) {
		const char *start = f->buf + f->told;
		const char *end = memchr(start, '\n', f->at - f->told);

		if (end == NULL)
			return;
		tell_line(f, slice_make(start, (size_t)(end - start)));
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
