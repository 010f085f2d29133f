/*
 * A buffer that grows up to the longest line.  Packed files are read through
 * a second buffer; zlib and libzstd are asked alike, by one function each.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "policy/audit/source.h"

enum { BUFFER_SIZE = 1024 * 1024, PACKED_SIZE = 128 * 1024 };

struct source {
	char *name;
	int fd;
	char *buf;
	size_t allocated, start, end; /* buf[start..end) is not handed out yet */
	bool at_end;
	/* Puts up to n bytes at p; 0: end; -1 with a fault. */
	ssize_t (*fill)(struct source *, char *p, size_t n, struct fault *);
	char *packed;
	size_t packed_n, packed_at;
	bool stream_done; /* a gzip member or zstd frame has just ended */
	bool more;	  /* the last piece filled its room: there may be more */
	z_stream gzip;
	ZSTD_DStream *zstd;
};

static ssize_t
fill_plain(struct source *s, char *p, size_t n, struct fault *fault)
{
	ssize_t got;

	do
		got = read(s->fd, p, n);
	while (got == -1 && errno == EINTR);
	if (got == -1) {
		fault_errno(fault, FAULT_IO, errno, "cannot read");
		fault_at(fault, s->name, 0, 0);
		return -1;
	}
	return got;
}

/*
 * Fills with unpacked bytes; false at the end (all is well only between
 * streams).
 */
static bool
fill_packed(struct source *s, ssize_t *result, struct fault *fault)
{
	ssize_t got = fill_plain(s, s->packed, PACKED_SIZE, fault);

	*result = got;
	if (got == 0 && !s->stream_done) {
		fault_set(fault, FAULT_DATA, "the packed file ends too early");
		fault_at(fault, s->name, 0, 0);
		*result = -1;
	}
	s->packed_at = 0;
	s->packed_n = got > 0 ? (size_t)got : 0;
	return got > 0;
}

static ssize_t
bad_packed(struct source *s, struct fault *fault)
{
	fault_set(fault, FAULT_DATA, "the packed file is damaged");
	fault_at(fault, s->name, 0, 0);
	return -1;
}

static ssize_t
fill_gzip(struct source *s, char *p, size_t n, struct fault *fault)
{
	ssize_t got;

	s->gzip.next_out = (unsigned char *)p;
	s->gzip.avail_out = (unsigned)n;
	while (s->gzip.avail_out == n) {
		int status;

		if (s->packed_at == s->packed_n && !s->more &&
		    !fill_packed(s, &got, fault))
			return got;
		if (s->stream_done)
			inflateReset(&s->gzip);
		s->stream_done = false;
		s->gzip.next_in = (unsigned char *)s->packed + s->packed_at;
		s->gzip.avail_in = (unsigned)(s->packed_n - s->packed_at);
		status = inflate(&s->gzip, Z_NO_FLUSH);
		s->packed_at = s->packed_n - s->gzip.avail_in;
		if (status != Z_OK && status != Z_STREAM_END &&
		    status != Z_BUF_ERROR)
			return bad_packed(s, fault);
		s->stream_done = status == Z_STREAM_END;
		s->more = s->gzip.avail_out == 0 && !s->stream_done;
	}
	return (ssize_t)(n - s->gzip.avail_out);
}

static ssize_t
fill_zstd(struct source *s, char *p, size_t n, struct fault *fault)
{
	ZSTD_outBuffer out = { p, n, 0 };
	ssize_t got;

	while (out.pos == 0) {
		ZSTD_inBuffer in;
		size_t status;

		if (s->packed_at == s->packed_n && !s->more &&
		    !fill_packed(s, &got, fault))
			return got;
		in = (ZSTD_inBuffer){ s->packed, s->packed_n, s->packed_at };
		status = ZSTD_decompressStream(s->zstd, &out, &in);
		s->packed_at = in.pos;
		if (ZSTD_isError(status))
			return bad_packed(s, fault);
		s->stream_done = status == 0;
		s->more = out.pos == n && !s->stream_done;
	}
	return (ssize_t)out.pos;
}

/* Looks at the first bytes, which stay in `packed` or go to `buf`. */
static bool
start(struct source *s, struct fault *fault)
{
	static const unsigned char gzip[] = { 0x1f, 0x8b };
	static const unsigned char zstd[] = { 0x28, 0xb5, 0x2f, 0xfd };
	ssize_t got;

	s->stream_done = true;
	if (!fill_packed(s, &got, fault))
		return got == 0;
	s->stream_done = false;
	if (s->packed_n >= 2 && memcmp(s->packed, gzip, 2) == 0) {
		s->fill = fill_gzip;
		return inflateInit2(&s->gzip, 15 + 16) == Z_OK;
	}
	if (s->packed_n >= 4 && memcmp(s->packed, zstd, 4) == 0) {
		s->fill = fill_zstd;
		s->zstd = ZSTD_createDStream();
		return s->zstd != NULL;
	}
	memcpy(s->buf, s->packed, s->packed_n);
	s->end = s->packed_n;
	return true;
}

bool
source_is_of_caller(const char *path)
{
	return strncmp(path, "/dev/fd/", 8) == 0 ||
	    strcmp(path, "/dev/stdin") == 0;
}

bool
source_is_stream(const char *path)
{
	struct stat st;

	return strcmp(path, "/dev/stdout") == 0 ||
	    (lstat(path, &st) == 0 && S_ISFIFO(st.st_mode));
}

/* Only a regular file is neither waited for nor changed by being read. */
static bool
check_kind(int fd, const char *path, struct fault *fault)
{
	struct stat st;

	if (fstat(fd, &st) == -1)
		return fault_errno(fault, FAULT_NOINPUT, errno,
		    "cannot open %s", path);
	if (S_ISDIR(st.st_mode))
		return fault_errno(fault, FAULT_NOINPUT, EISDIR,
		    "cannot open %s", path);
	if (S_ISREG(st.st_mode))
		return true;
	if (!source_is_of_caller(path))
		return fault_set(fault, FAULT_NOINPUT, "cannot open %s: "
		    "it is no regular file; pipes are read as -", path);
	return fcntl(fd, F_SETFL, 0) != -1 || fault_errno(fault,
	    FAULT_NOINPUT, errno, "cannot open %s", path);
}

int
source_open_fd(const char *path, struct fault *fault)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd == -1) {
		fault_errno(fault, FAULT_NOINPUT, errno, "cannot open %s",
		    path);
		return -1;
	}
	if (check_kind(fd, path, fault))
		return fd;
	close(fd);
	return -1;
}

static bool
open_fd(struct source *s, const char *path, struct fault *fault)
{
	struct stat st;

	if (strcmp(path, "-") != 0)
		return (s->fd = source_open_fd(path, fault)) != -1;
	s->fd = dup(STDIN_FILENO);
	if (s->fd == -1 || fstat(s->fd, &st) == -1)
		return fault_errno(fault, FAULT_NOINPUT, errno,
		    "cannot open %s", path);
	return !S_ISDIR(st.st_mode) || fault_errno(fault, FAULT_NOINPUT,
	    EISDIR, "cannot open %s", path);
}

struct source *
source_open(const char *path, struct fault *fault)
{
	struct source *s = calloc(1, sizeof *s);

	if (s == NULL)
		goto no_memory;
	s->fd = -1;
	s->fill = fill_plain;
	s->name = strdup(strcmp(path, "-") == 0 ? "<stdin>" : path);
	s->buf = malloc(BUFFER_SIZE);
	s->packed = malloc(PACKED_SIZE);
	s->allocated = BUFFER_SIZE;
	if (s->name == NULL || s->buf == NULL || s->packed == NULL)
		goto no_memory;
	fault_clear(fault);
	if (open_fd(s, path, fault) && start(s, fault))
		return s;
	if (fault->kind != FAULT_NONE) {
		source_close(s);
		return NULL;
	}
no_memory:
	fault_errno(fault, FAULT_UNAVAILABLE, ENOMEM, "cannot read %s", path);
	source_close(s);
	return NULL;
}

void
source_close(struct source *s)
{
	if (s == NULL)
		return;
	if (s->fd != -1)
		close(s->fd);
	if (s->fill == fill_gzip)
		inflateEnd(&s->gzip);
	ZSTD_freeDStream(s->zstd);
	free(s->packed);
	free(s->buf);
	free(s->name);
	free(s);
}

static bool
make_room(struct source *s, struct fault *fault)
{
	size_t most = (size_t)SOURCE_LINE_MAX + 1; /* and its newline */
	size_t n = 2 * s->allocated < most ? 2 * s->allocated : most;
	char *larger;

	if (s->start > 0) {
		memmove(s->buf, s->buf + s->start, s->end - s->start);
		s->end -= s->start;
		s->start = 0;
	}
	if (s->end < s->allocated)
		return true;
	if (s->allocated == most)
		return fault_set(fault, FAULT_DATA,
		    "a line of more than %d bytes", SOURCE_LINE_MAX);
	larger = realloc(s->buf, n);
	if (larger == NULL)
		return fault_errno(fault, FAULT_UNAVAILABLE, errno,
		    "a line of more than %zu bytes", s->allocated);
	s->buf = larger;
	s->allocated = n;
	return true;
}

/* More bytes behind those at hand; at_end is set when there are none. */
static bool
refill(struct source *s, struct fault *fault)
{
	ssize_t got;

	if (!make_room(s, fault)) {
		fault_at(fault, s->name, 0, 0);
		return false;
	}
	got = s->fill(s, s->buf + s->end, s->allocated - s->end, fault);
	if (got == -1)
		return false;
	s->at_end = got == 0;
	s->end += (size_t)got;
	return true;
}

enum source_result
source_next(struct source *s, struct slice *line, bool *ended,
    struct fault *fault)
{
	size_t searched = 0, left;
	char *newline = NULL;

	for (;;) {
		left = s->end - s->start;
		if (left > searched)
			newline = memchr(s->buf + s->start + searched, '\n',
			    left - searched);
		if (newline != NULL || s->at_end)
			break;
		searched = left;
		if (!refill(s, fault))
			return SOURCE_FAILED;
	}
	if (newline == NULL && left == 0)
		return SOURCE_END;
	*ended = newline != NULL;
	*line = slice_make(s->buf + s->start, newline == NULL ? left :
	    (size_t)(newline - (s->buf + s->start)));
	s->start += line->n + (newline != NULL);
	return SOURCE_LINE;
}

enum source_result
source_block(struct source *s, struct slice *block, struct fault *fault)
{
	size_t n;

	for (;;) {
		n = s->end - s->start;
		if (s->at_end)
			break;
		while (n > 0 && s->buf[s->start + n - 1] != '\n')
			n--;
		if (n > 0)
			break;
		if (!refill(s, fault))
			return SOURCE_FAILED;
	}
	if (n == 0)
		return SOURCE_END;
	*block = slice_make(s->buf + s->start, n);
	s->start += n;
	return SOURCE_LINE;
}
