/*
 * Files are read whole: a policy is small beside the memory of a machine, and
 * slices into one buffer make a million rules cheap.
 *
 * Every bad line is reported before anything is decided; whoever builds a
 * store from a rulefile with bad lines is refused by rulefile_finish().
 */
#include "config.h" /* for memrchr(3) */

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy/rules/rulefile-internal.h"

enum { ARENA_CHUNK = 1 << 20 };

void
rulefile_init(struct rulefile *file,
    void (*report)(void *, const struct fault *), void *arg)
{
	memset(file, 0, sizeof *file);
	arena_init(&file->memory, ARENA_CHUNK);
	file->report = report;
	file->arg = arg;
}

void
rulefile_free(struct rulefile *file)
{
	free(file->rules);
	free(file->as);
	arena_free(&file->memory);
}

/* The fault is at offset `at`; returns false. */
static bool
bad_character(size_t at, struct fault *fault)
{
	fault->column = at + 1;
	return false;
}

/*
 * UTF-8 without what a reader would not see: a rule has to be what it looks
 * like, and is printed on terminals.
 */
static bool
check_characters(struct slice text, struct fault *fault)
{
	uint32_t code;

	for (size_t i = 0, n; i < text.n; i += n) {
		n = 1;
		if (text.p[i] >= ' ' && text.p[i] <= '~')
			continue;
		n = text_utf8(slice_from(text, i), &code);
		if (n == 0) {
			fault_set(fault, FAULT_DATA, "found the byte 0x%02x, "
			    "which is no UTF-8; expected text in UTF-8",
			    (unsigned char)text.p[i]);
			return bad_character(i, fault);
		}
		if (!text_is_invisible(code) || code == '\t' ||
		    (code == '\r' && i + 1 == text.n))
			continue;
		if (code < 0x80)
			fault_set(fault, FAULT_DATA, "found a control "
			    "character (0x%02x); expected text", code);
		else
			fault_set(fault, FAULT_DATA, "found an invisible "
			    "character (U+%04X); expected text", code);
		return bad_character(i, fault);
	}
	if (text.n <= RULEFILE_LINE_MAX)
		return true;
	fault_set(fault, FAULT_DATA, "the line has %zu bytes; expected at "
	    "most %d", text.n, RULEFILE_LINE_MAX);
	fault->column = RULEFILE_LINE_MAX + 1;
	return false;
}

/* Splits a line at the first blank.  False: there is no second part. */
static bool
split(struct slice line, struct slice *key, struct slice *requirement)
{
	size_t end = 0;

	while (end < line.n && !text_is_blank(line.p[end]))
		end++;
	*key = slice_make(line.p, end);
	*requirement = slice_trim(slice_from(line, end));
	return requirement->n > 0;
}

static bool
parse_line(struct rulefile *file, struct slice line, unsigned source,
    uint32_t number, struct fault *fault)
{
	struct slice text = slice_trim(line), key, requirement;
	bool in_requirement;
	size_t had = file->n;

	fault_clear(fault);
	if (text.n == 0 || line.p[0] == '#')
		return true;
	if (!check_characters(line, fault))
		return false;
	if (!split(text, &key, &requirement)) {
		fault_set(fault, FAULT_DATA, "found only \"%.*s\"; expected "
		    "KEY, blanks, REQUIREMENT", SLICE_ARG(key));
		fault->column = line.n + 1;
		return false;
	}
	if (rulefile_add(file, key, requirement, source, number,
	    &in_requirement, fault))
		return rulefile_note_as(file, had, (size_t)(requirement.p -
		    line.p) + 1, fault);
	file->bad_profile |= slice_starts_nocase(key, "Profile:");
	if (fault->column == 0)
		fault->column = 1;
	fault->column += (size_t)((in_requirement ? requirement.p : key.p) -
	    line.p);
	return false;
}

static bool
parse_text(struct rulefile *file, struct slice text, unsigned source,
    struct fault *fault)
{
	uint32_t number = 0;
	struct slice line;

	if (text.n >= 3 && memcmp(text.p, "\xef\xbb\xbf", 3) == 0)
		text = slice_from(text, 3);
	while (slice_next(&text, '\n', &line)) {
		if (parse_line(file, line, source, ++number, fault))
			continue;
		if (fault->kind != FAULT_DATA)
			return false;
		rulefile_bad_line(file, source, number, fault);
	}
	return true;
}

static bool
add_source(struct rulefile *file, const char *name, unsigned *source,
    struct fault *fault)
{
	if (file->nsources == RULEFILE_SOURCES_MAX)
		return fault_set(fault, FAULT_USAGE,
		    "too many rule files; expected at most %d",
		    RULEFILE_SOURCES_MAX);
	*source = file->nsources;
	file->sources[*source] = arena_copy(&file->memory, slice_of(name));
	if (file->sources[*source].p == NULL)
		return fault_no_memory(fault);
	file->nsources++;
	return true;
}

bool
rulefile_read_text(struct rulefile *file, struct slice text, const char *name,
    struct fault *fault)
{
	struct slice copy;
	unsigned source;

	if (!add_source(file, name, &source, fault))
		return false;
	copy = arena_copy(&file->memory, text);
	if (copy.p == NULL)
		return fault_no_memory(fault);
	return parse_text(file, copy, source, fault);
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
 * What is there so far can be rules: whatever has no end, or is no text, shows
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

/* The whole of `fd` in one piece of the arena, of the file's size at first. */
static bool
read_all(int fd, const char *path, struct arena *memory, struct slice *text,
    struct fault *fault)
{
	size_t size = 1 << 16, n = 0, line = 0;
	struct stat st;
	char *buf, *bigger;

	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0)
		size = (st.st_size < RULEFILE_BYTES_MAX ? (size_t)st.st_size :
		    RULEFILE_BYTES_MAX) + 1;
	for (buf = arena_alloc(memory, size); buf != NULL; buf = bigger) {
		size_t from = n;

		if (!read_up_to(fd, buf, size, &n))
			return fault_errno(fault, FAULT_IO, errno,
			    "cannot read %s", path);
		*text = slice_make(buf, n);
		if (!may_be_rules(*text, from, &line, path, fault))
			return false;
		if (n < size)
			return true;
		if ((bigger = arena_alloc(memory, size *= 2)) != NULL)
			memcpy(bigger, buf, n);
	}
	return fault_errno(fault, FAULT_IO, ENOMEM, "cannot read %s", path);
}

bool
rulefile_read_open(struct rulefile *file, int fd, const char *name,
    struct fault *fault)
{
	struct slice text = { NULL, 0 };
	unsigned source;

	return read_all(fd, name, &file->memory, &text, fault) &&
	    add_source(file, name, &source, fault) &&
	    parse_text(file, text, source, fault);
}
