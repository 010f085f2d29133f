/*
 * Files are read whole: a policy is small beside the memory of a machine.
 *
 * Every bad line is reported before anything is decided; whoever builds a
 * store from a rulefile with bad lines is refused by rulefile_finish().
 */
#include "config.h" /* for memrchr(3) */

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy/rules/rulefile-internal.h"

/*
 * The rest of a line that was cut off may be a rule, too, and a weaker one:
 * ENCR:12 of :128.
 */
static void
warn_cut(const struct rulefile *file, struct slice text, unsigned source)
{
	const char *end = memrchr(text.p, '\n', text.n);
	size_t start = end == NULL ? 0 : (size_t)(end - text.p) + 1;
	unsigned long line = 1;
	char where[FAULT_WHERE_MAX];
	struct fault fault;

	if (file->warn == NULL || slice_trim(slice_from(text, start)).n == 0)
		return;
	for (size_t i = 0; i < start; i++)
		line += text.p[i] == '\n';
	fault_set(&fault, FAULT_DATA, "warning: the file ends without a newline: "
	    "was it cut off?");
	snprintf(where, sizeof where, "%.*s",
	    SLICE_ARG(file->sources[source]));
	fault_at(&fault, where, line, text.n - start + 1);
	file->warn(file->arg, &fault);
}

/*
 * Beside other files one of which nothing is left shows in no number of rules:
 * what it asked for would be gone without a word.
 */
static void
warn_empty(const struct rulefile *file, int fd, const char *name)
{
	struct fault fault;
	struct stat st;

	if (file->warn == NULL || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return;
	fault_set(&fault, FAULT_DATA, "warning: not a byte of rules: was the "
	    "file cut off?");
	fault_at(&fault, name, 1, 1);
	file->warn(file->arg, &fault);
}

/* A byte order mark is no part of the text. */
static bool
parse_text(struct rulefile *file, struct slice text, unsigned source,
    struct fault *fault)
{
	if (text.n >= 3 && memcmp(text.p, "\xef\xbb\xbf", 3) == 0)
		text = slice_from(text, 3);
	file->has_text |= text.n > 0;
	return rulefile_parse_all(file, text, source, fault);
}

/* Adds a name, which is the last of `sources` then. */
static bool
add_source(struct rulefile *file, const char *name, struct fault *fault)
{
	struct slice *source = &file->sources[file->nsources];

	if (file->nsources == RULEFILE_SOURCES_MAX)
		return fault_set(fault, FAULT_USAGE,
		    "too many rule files; expected at most %d",
		    RULEFILE_SOURCES_MAX);
	*source = arena_copy(&file->memory, slice_of(name));
	if (source->p == NULL)
		return fault_no_memory(fault);
	file->nsources++;
	return true;
}

bool
rulefile_read_text(struct rulefile *file, struct slice text, const char *name,
    struct fault *fault)
{
	return add_source(file, name, fault) &&
	    parse_text(file, text, file->nsources - 1, fault);
}

/* Reads up to `size` bytes; *n is what there was.  False: errno says why. */
static bool
read_up_to(int fd, char *buf, size_t size, size_t *n)
{
	ssize_t got = 1;

	while (got != 0 && *n < size) {
		got = read(fd, buf + *n, size - *n);
		if (got < 0 && errno != EINTR)
			return false;
		if (got > 0)
			*n += (size_t)got;
	}
	return true;
}

/* The fault is at `at`; returns false. */
static bool
not_rules(struct slice text, size_t at, const char *path, struct fault *fault)
{
	unsigned long line = 1;
	size_t start = 0;

	for (size_t i = 0; i < at; i++)
		if (text.p[i] == '\n') {
			line++;
			start = i + 1;
		}
	fault_at(fault, path, line, at - start + 1);
	return false;
}

/*
 * Can the text so far be rules?  A file that has no end, or is no text, shows
 * before it has filled the memory.  *line: where the last line begins.
 */
static bool
may_be_rules(struct slice text, size_t from, size_t *line, const char *path,
    struct fault *fault)
{
	const char *nul = memchr(text.p + from, '\0', text.n - from);
	const char *end = memrchr(text.p + from, '\n', text.n - from);

	if (nul != NULL) {
		fault_set(fault, FAULT_DATA, "found a control character "
		    "(0x00); expected text");
		return not_rules(text, (size_t)(nul - text.p), path, fault);
	}
	if (end != NULL)
		*line = (size_t)(end - text.p) + 1;
	if (text.n - *line > RULEFILE_ENDLESS) {
		fault_set(fault, FAULT_DATA, "the line has more than %d "
		    "bytes; expected at most %d", RULEFILE_ENDLESS,
		    RULEFILE_LINE_MAX);
		return not_rules(text, *line, path, fault);
	}
	if (text.n <= RULEFILE_BYTES_MAX)
		return true;
	fault_set(fault, FAULT_DATA, "more than %d bytes of rules",
	    RULEFILE_BYTES_MAX);
	fault_at(fault, path, 0, 0);
	return false;
}

/* The whole of `fd` in *buf, which is to be freed in any case. */
static bool
read_all(int fd, const char *path, char **buf, struct slice *text,
    struct fault *fault)
{
	size_t size = 1 << 16, n = 0, line = 0;
	struct stat st;
	char *bigger;

	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0)
		size = (st.st_size < RULEFILE_BYTES_MAX ? (size_t)st.st_size :
		    RULEFILE_BYTES_MAX) + 1;
	*buf = NULL;
	while ((bigger = realloc(*buf, size)) != NULL) {
		size_t from = n;

		*buf = bigger;
		if (!read_up_to(fd, *buf, size, &n))
			return fault_errno(fault, FAULT_IO, errno,
			    "cannot read %s", path);
		*text = slice_make(*buf, n);
		if (!may_be_rules(*text, from, &line, path, fault))
			return false;
		if (n < size)
			return true;
		size *= 2;
	}
	return fault_errno(fault, FAULT_IO, ENOMEM, "cannot read %s", path);
}

bool
rulefile_read_open(struct rulefile *file, int fd, const char *name,
    struct fault *fault)
{
	struct slice text = { NULL, 0 };
	char *buf;
	bool good = read_all(fd, name, &buf, &text, fault) &&
	    add_source(file, name, fault) &&
	    parse_text(file, text, file->nsources - 1, fault);

	if (good && text.n == 0)
		warn_empty(file, fd, name);
	else if (good)
		warn_cut(file, text, file->nsources - 1);
	free(buf);
	return good;
}
