/*
 * A sealed line holds all there is to know, so that only the last one has to be
 * found, and the torn bytes behind it digested.
 */
#include "config.h" /* for memmem(3) */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/audit/chain-key.h"
#include "policy/audit/chain-link.h"
#include "policy/audit/source.h"
#include "policy/audit/tail-internal.h"

enum { WINDOW = 128 * 1024, FIRST_WINDOW = 4096 };

/* Epochs only grow: the last one is the largest. */
static void
take_epoch(struct tail *t, struct slice line)
{
	struct chain_link link;
	uint64_t epoch = 0;

	if (chain_ends_epoch(line, &epoch))
		epoch++;
	else if (chain_parse_link(line, &link))
		epoch = link.epoch;
	if (epoch > t->epoch)
		t->epoch = epoch;
}

static bool
take_line(struct tail *t, struct chain *chain, struct slice line)
{
	struct chain_line parts;

	if (chain_split(line, &parts)) {
		memcpy(t->head.hex, parts.hex.p, CHAIN_HEX);
		memcpy(t->sealed, t->head.hex, sizeof t->sealed);
		t->head.seq = parts.seq;
		t->head.torn = 0;
		t->found = true;
		take_epoch(t, line);
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
	t->epoch = 0;
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

bool
tail_read_window(int fd, char *buf, size_t n, off_t offset, struct fault *fault)
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

/* A line that is whole JSON, though not sealed, was written by other hands. */
static bool
is_whole(struct slice line)
{
	json_t *record = json_loadb(line.p, line.n, JSON_REJECT_DUPLICATES,
	    NULL);
	bool whole = record != NULL;

	json_decref(record);
	return whole;
}

/*
 * All that may stand in a log without a sealed line: the beginning of a line,
 * or the zeros that some file systems leave where the power failed.
 */
static bool
is_torn(struct slice s)
{
	static const char start[] = CHAIN_START "\"";

	while (s.n > 0) {
		size_t n = slice_find(s, '\n');
		size_t common = n < sizeof start - 1 ? n : sizeof start - 1;

		if (n > 0 && s.p[0] != '\0' && (memcmp(s.p, start,
		    common) != 0 || is_whole(slice_make(s.p, n))))
			return false;
		s = slice_from(s, n < s.n ? n + 1 : n);
	}
	return true;
}

static bool
try_window(int fd, size_t n, struct chain *chain, struct tail *t,
    struct fault *fault)
{
	char *buf = malloc(n + 1);
	bool good;

	if (buf == NULL)
		return fault_errno(fault, FAULT_UNAVAILABLE, errno,
		    "%zu bytes", n);
	good = tail_read_window(fd, buf, n, (off_t)(t->size - n), fault);
	if (good && !take_window(t, chain, slice_make(buf, n), n == t->size))
		good = fault_set(fault, FAULT_SOFTWARE, "OpenSSL failed");
	if (good && !t->found && n == t->size && !is_torn(slice_make(buf, n)))
		good = fault_set(fault, FAULT_DATA,
		    "this is not an audit log: no line has a chain");
	free(buf);
	return good;
}

/* The first sealed line of a window; false: there is none in it. */
static bool
first_key(struct slice s, struct tail *t)
{
	struct chain_line parts;
	struct chain_link link;
	struct slice line;

	while (slice_next(&s, '\n', &line)) {
		if (!chain_split(line, &parts))
			continue;
		t->first = parts.seq;
		if (!chain_parse_link(line, &link))
			return true;
		memcpy(t->key, link.key, sizeof t->key);
		if (t->epoch < link.epoch || link.epoch == 0)
			t->epoch = link.epoch;
		return true;
	}
	return false;
}

static bool
read_first_key(int fd, struct tail *t, struct fault *fault)
{
	bool found = false;

	for (size_t n = FIRST_WINDOW; t->found && !found; n *= 4) {
		char *buf;

		if (n > t->size)
			n = (size_t)t->size;
		if ((buf = malloc(n)) == NULL)
			return fault_errno(fault, FAULT_UNAVAILABLE, errno,
			    "%zu bytes", n);
		if (!tail_read_window(fd, buf, n, 0, fault)) {
			free(buf);
			return false;
		}
		found = first_key(slice_make(buf, n), t) || n == t->size;
		free(buf);
	}
	return true;
}

static bool
read_end(int fd, struct chain *chain, struct tail *t, struct fault *fault)
{
	for (size_t n = WINDOW;; n *= 4) {
		if (n > t->size)
			n = (size_t)t->size;
		if (!try_window(fd, n, chain, t, fault))
			return false;
		if (t->found || n == t->size)
			return true;
	}
}

/* Takes the epochs of the whole lines that begin with this text. */
static void
take_epochs(struct tail *t, struct slice s, const char *start)
{
	struct chain_line parts;
	const char *at;

	while ((at = memmem(s.p, s.n, start, strlen(start))) != NULL) {
		struct slice line;

		s = slice_from(s, (size_t)(at + 1 - s.p));
		line = slice_make(s.p, slice_find(s, '\n'));
		if (line.n < s.n && chain_split(line, &parts))
			take_epoch(t, line);
	}
}

/* Reads from the end back to a line that tells the epoch: mostly not far. */
static bool
read_epoch(int fd, struct tail *t, struct fault *fault)
{
	char *buf = malloc(TAIL_SEARCH_WINDOW);
	uint64_t first = t->epoch;
	off_t end = (off_t)t->size;
	bool good = buf != NULL || fault_no_memory(fault);

	while (good && end > 0 && t->epoch == first) {
		size_t n = end < TAIL_SEARCH_WINDOW ? (size_t)end : TAIL_SEARCH_WINDOW;

		end -= (off_t)n;
		if (!(good = tail_read_window(fd, buf, n, end, fault)))
			break;
		take_epochs(t, slice_make(buf, n), "\n" CHAIN_START "\"epoch\"");
		take_epochs(t, slice_make(buf, n), "\n" CHAIN_START "\"link\"");
		if (end == 0)
			break;
		end += CHAIN_LINE_MAX + CHAIN_SEAL_MAX; /* it may lie across */
	}
	free(buf);
	return good;
}

bool
tail_read(int fd, struct chain *chain, struct tail *t, struct fault *fault)
{
	uint64_t in_window;
	struct stat st;

	memset(t, 0, sizeof *t);
	if (fstat(fd, &st) == -1)
		return fault_errno(fault, FAULT_IO, errno, "cannot stat");
	t->size = (uint64_t)st.st_size;
	if (!read_end(fd, chain, t, fault))
		return false;
	in_window = t->epoch;
	return read_first_key(fd, t, fault) && (t->epoch == 0 ||
	    in_window > 0 || read_epoch(fd, t, fault));
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
		if (!t->found)
			first_key(line, t);
		if (!take_line(t, chain, line)) {
			fault_set(fault, FAULT_SOFTWARE, "OpenSSL failed");
			break;
		}
	}
	source_close(source);
	return result == SOURCE_END;
}

bool
tail_is_packed(int fd)
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
	if (tail_is_packed(fd))
		good = stream(path, chain, t, fault);
	else if (!(good = tail_read(fd, chain, t, fault)))
		fault_at(fault, path, 0, 0);
	close(fd);
	return good;
}

static bool
is_before(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec < b->tv_sec ||
	    (a->tv_sec == b->tv_sec && a->tv_nsec < b->tv_nsec);
}

/* Written later than *best, and before `limit` unless that is NULL. */
static bool
newer(int dir, const char *name, const struct timespec *limit,
    struct timespec *best)
{
	struct stat st;

	if (fstatat(dir, name, &st, 0) == -1 || !S_ISREG(st.st_mode) ||
	    !is_before(best, &st.st_mtim) ||
	    (limit != NULL && !is_before(&st.st_mtim, limit)))
		return false;
	*best = st.st_mtim;
	return true;
}

bool
tail_name_before(const char *path, struct timespec *limit, bool limited,
    struct text *name)
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
		    !newer(dirfd(dir), entry->d_name, limited ? limit : NULL,
		    &best))
			continue;
		text_clear(name);
		text_printf(name, "%s%s", slash == NULL ? "" : folder,
		    entry->d_name);
	}
	closedir(dir);
	*limit = best;
	return name->n > 0 && !name->cut;
}

bool
tail_rotated_name(const char *path, struct text *name)
{
	struct timespec last;

	return tail_name_before(path, &last, false, name);
}

bool
tail_has_key_of(const struct tail *t, const struct chain *chain)
{
	return strcmp(t->key, chain_id(chain)) == 0 &&
	    (t->epoch > 0) == (chain_epoch(chain) > 0);
}

void
tail_link_to(struct tail *t, const struct chain *chain)
{
	if (t->found && (!tail_has_key_of(t, chain) ||
	    t->epoch != chain_epoch(chain)))
		memcpy(t->head.hex, t->sealed, sizeof t->sealed);
}

bool
tail_of_rotated(const char *path, struct chain *chain, struct tail *tail)
{
	char memory[PATH_MAX];
	struct timespec time;
	struct text name;
	struct fault fault;

	text_init(&name, memory, sizeof memory);
	for (bool limited = false; tail_name_before(path, &time, limited, &name);
	    limited = true) {
		if (!tail_of(memory, chain, tail, &fault))
			return false;
		if (!tail->found)
			continue;
		tail_link_to(tail, chain);
		return true;
	}
	return false;
}
