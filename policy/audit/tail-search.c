/* A line that is known, in the log's file or in those that were it before. */
#include "config.h" /* for memmem(3) */

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/audit/source.h"
#include "policy/audit/tail-internal.h"

/*
 * A text of a client has no quote without a backslash: so the needle is only
 * found at the end of a line.
 */
static bool
search(int fd, off_t end, struct slice needle, bool *there,
    struct fault *fault)
{
	char *buf = malloc(TAIL_SEARCH_WINDOW);
	bool good = buf != NULL;

	if (!good)
		return fault_no_memory(fault);
	*there = false;
	while (good && !*there && end >= (off_t)needle.n) {
		size_t n = end < TAIL_SEARCH_WINDOW ? (size_t)end : TAIL_SEARCH_WINDOW;

		end -= (off_t)n;
		good = tail_read_window(fd, buf, n, end, fault);
		*there = good && memmem(buf, n, needle.p, needle.n) != NULL;
		if (end == 0)
			break;
		end += (off_t)needle.n - 1; /* it may lie across */
	}
	free(buf);
	return good;
}

enum tail_search
tail_search(int fd, const struct chain_head *head, struct fault *fault)
{
	char needle[CHAIN_SEAL_MAX];
	struct stat st;
	bool there = false;
	int n = snprintf(needle, sizeof needle, ",\"seq\":%llu,\"chain\":\"%s"
	    "\"}\n", (unsigned long long)head->seq, head->hex);

	if (fstat(fd, &st) == -1) {
		fault_errno(fault, FAULT_IO, errno, "cannot stat");
		return TAIL_UNREADABLE;
	}
	if (!search(fd, st.st_size, slice_make(needle, (size_t)n), &there,
	    fault))
		return TAIL_UNREADABLE;
	return there ? TAIL_THERE : TAIL_NOT_THERE;
}

/* Looks through all lines, where the file cannot be mapped from its end. */
static bool
is_in_stream(const char *path, const struct chain_head *head)
{
	struct fault ignored;
	struct source *source = source_open(path, &ignored);
	struct chain_line parts;
	struct slice line;
	bool ended, there = false;

	while (source != NULL && !there && source_next(source, &line, &ended,
	    &ignored) == SOURCE_LINE)
		there = chain_split(line, &parts) && parts.seq == head->seq &&
		    memcmp(parts.hex.p, head->hex, CHAIN_HEX) == 0;
	source_close(source);
	return there;
}

static bool
is_in_file(const char *path, const struct chain_head *head)
{
	struct fault ignored;
	int fd = source_open_fd(path, &ignored);
	bool there;

	if (fd == -1)
		return false;
	there = tail_is_packed(fd) ? is_in_stream(path, head) :
	    tail_search(fd, head, &ignored) == TAIL_THERE;
	close(fd);
	return there;
}

/*
 * The file's first sealed line comes behind that one; or nothing is known of
 * it.
 */
static bool
begins_behind(const char *path, uint64_t seq)
{
	struct fault ignored;
	struct source *source = source_open(path, &ignored);
	struct chain_line parts = { .seq = 0 };
	struct slice line;
	bool ended;

	while (source != NULL && source_next(source, &line, &ended,
	    &ignored) == SOURCE_LINE && !chain_split(line, &parts))
		;
	source_close(source);
	return parts.seq == 0 || parts.seq > seq;
}

bool
tail_search_rotated(const char *path, const struct chain_head *head)
{
	char memory[PATH_MAX];
	struct timespec time;
	struct text name;

	text_init(&name, memory, sizeof memory);
	for (bool limited = false; tail_name_before(path, &time, limited,
	    &name); limited = true) {
		if (is_in_file(memory, head))
			return true;
		if (!begins_behind(memory, head->seq))
			return false;
	}
	return false;
}
