/*
 * A sealed line holds all there is to know, so that only the last one has to be
 * found, and the torn bytes behind it digested.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/audit/source.h"
#include "policy/audit/tail.h"

enum { WINDOW = 128 * 1024 };

static bool
take_line(struct tail *t, struct chain *chain, struct slice line)
{
	struct chain_line parts;

	if (chain_split(line, &parts)) {
		memcpy(t->head.hex, parts.hex.p, CHAIN_HEX);
		t->head.seq = parts.seq;
		t->head.torn = 0;
		t->found = true;
		return true;
	}
	return chain_torn(chain, &t->head, line);
}

/* The lines of a window; a first one that began before it is left out. */
static bool
take_window(struct tail *t, struct chain *chain, struct slice s, bool whole)
{
	size_t first = whole ? 0 : slice_find(s, '\n') + 1;

	chain_head_init(&t->head);
	t->found = false;
	t->ended = true;
	if (first > s.n)
		return true;
	s = slice_from(s, first);
	while (s.n > 0) {
		size_t n = slice_find(s, '\n');

		if (!take_line(t, chain, slice_make(s.p, n)))
			return false;
		t->ended = n < s.n;
		s = slice_from(s, t->ended ? n + 1 : n);
	}
	return true;
}

static bool
read_window(int fd, char *buf, size_t n, off_t offset, struct fault *fault)
{
	while (n > 0) {
		ssize_t got = pread(fd, buf, n, offset);

		if (got == -1 && errno == EINTR)
			continue;
		if (got <= 0)
			return fault_errno(fault, FAULT_IO,
			    got == 0 ? EIO : errno, "cannot read");
		buf += got;
		offset += got;
		n -= (size_t)got;
	}
	return true;
}

static bool
try_window(int fd, size_t n, struct chain *chain, struct tail *t,
    struct fault *fault)
{
	char *buf = malloc(n + 1);
	static const char link[] = CHAIN_START "\"link\"";
	size_t most = n < sizeof link - 1 ? n : sizeof link - 1;
	bool good;

	if (buf == NULL)
		return fault_errno(fault, FAULT_UNAVAILABLE, errno,
		    "%zu bytes", n);
	good = read_window(fd, buf, n, (off_t)(t->size - n), fault);
	if (good && !take_window(t, chain, slice_make(buf, n), n == t->size))
		good = fault_set(fault, FAULT_SOFTWARE, "OpenSSL failed");
	/* A first link that was torn is all that may stand without a seal. */
	if (good && !t->found && n == t->size && n > 0 &&
	    (t->ended || strncmp(buf, link, most) != 0))
		good = fault_set(fault, FAULT_DATA,
		    "this is not an audit log: no line has a chain");
	free(buf);
	return good;
}

bool
tail_read(int fd, struct chain *chain, struct tail *t, struct fault *fault)
{
	struct stat st;
	size_t n = WINDOW;

	memset(t, 0, sizeof *t);
	if (fstat(fd, &st) == -1)
		return fault_errno(fault, FAULT_IO, errno, "cannot stat");
	t->size = (uint64_t)st.st_size;
	for (;; n *= 4) {
		if (n > t->size)
			n = (size_t)t->size;
		if (!try_window(fd, n, chain, t, fault))
			return false;
		if (t->found || n == t->size)
			return true;
	}
}

static bool
stream(const char *path, struct chain *chain, struct tail *t,
    struct fault *fault)
{
	struct source *source = source_open(path, fault);
	enum source_result result;
	struct slice line;

	if (source == NULL)
		return false;
	memset(t, 0, sizeof *t);
	t->ended = true;
	chain_head_init(&t->head);
	while ((result = source_next(source, &line, &t->ended, fault)) ==
	    SOURCE_LINE) {
		t->size += line.n + 1;
		if (!take_line(t, chain, line))
			break;
	}
	source_close(source);
	return result == SOURCE_END;
}

static bool
is_packed(int fd)
{
	unsigned char magic[2] = { 0, 0 };

	return pread(fd, magic, 2, 0) == 2 && ((magic[0] == 0x1f &&
	    magic[1] == 0x8b) || (magic[0] == 0x28 && magic[1] == 0xb5));
}

bool
tail_of(const char *path, struct chain *chain, struct tail *t,
    struct fault *fault)
{
	int fd = source_open_fd(path, fault);
	bool good;

	if (fd == -1)
		return false;
	if (is_packed(fd))
		good = stream(path, chain, t, fault);
	else if (!(good = tail_read(fd, chain, t, fault)))
		fault_at(fault, path, 0, 0);
	close(fd);
	return good;
}

static bool
newer(int dir, const char *name, struct timespec *best)
{
	struct stat st;

	if (fstatat(dir, name, &st, 0) == -1 || !S_ISREG(st.st_mode) ||
	    st.st_mtim.tv_sec < best->tv_sec ||
	    (st.st_mtim.tv_sec == best->tv_sec &&
	    st.st_mtim.tv_nsec <= best->tv_nsec))
		return false;
	*best = st.st_mtim;
	return true;
}

bool
tail_rotated_name(const char *path, struct text *name)
{
	const char *slash = strrchr(path, '/');
	const char *base = slash == NULL ? path : slash + 1;
	size_t n = strlen(base);
	struct timespec best = { 0, -1 };
	struct dirent *entry;
	char folder[PATH_MAX];
	DIR *dir;

	snprintf(folder, sizeof folder, "%.*s",
	    slash == NULL ? 1 : (int)(slash - path) + 1,
	    slash == NULL ? "." : path);
	if ((dir = opendir(folder)) == NULL)
		return false;
	text_clear(name);
	while ((entry = readdir(dir)) != NULL) {
		if (strncmp(entry->d_name, base, n) != 0 ||
		    (entry->d_name[n] != '.' && entry->d_name[n] != '-') ||
		    !newer(dirfd(dir), entry->d_name, &best))
			continue;
		text_clear(name);
		text_printf(name, "%s%s", slash == NULL ? "" : folder,
		    entry->d_name);
	}
	closedir(dir);
	return name->n > 0 && !name->cut;
}
