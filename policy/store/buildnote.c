/*
 * Put in its place by rename(2), as who reads it must not see half of it.  The
 * new file has always the same name, so that nothing piles up when writers are
 * killed; that of another writer is taken away, and then its note is not the
 * last one.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/base/folder.h"
#include "policy/base/slice.h"
#include "policy/base/text.h"
#include "policy/store/buildnote.h"

enum { LINE_MAX_BYTES = FAULT_WHERE_MAX + FAULT_TEXT_MAX + 96 };

static bool
failed(const char *path, struct fault *f)
{
	return fault_errno(f, FAULT_IO, errno, "cannot write %s", path);
}

static int
make(const char *path)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	int fd = open(path, flags, 0640);

	if (fd == -1 && errno == EEXIST && unlink(path) == 0)
		fd = open(path, flags, 0640);
	return fd;
}

bool
buildnote_write(const char *store, const char *of, int64_t now,
    const char *why, struct fault *f)
{
	char path[PATH_MAX], fresh[PATH_MAX], line[LINE_MAX_BYTES];
	struct text text;
	bool good;
	int fd;

	text_init(&text, line, sizeof line);
	text_printf(&text, "%s %" PRId64 "%s", why == NULL ? "good" : "failed",
	    now, why == NULL ? "" : " ");
	text_put_printable(&text, slice_of(why == NULL ? "" : why));
	line[text.n] = '\n';
	snprintf(path, sizeof path, "%s-%s", store, of);
	snprintf(fresh, sizeof fresh, "%s-%s.new", store, of);
	fd = make(fresh);
	if (fd == -1)
		return failed(fresh, f);
	good = write(fd, line, text.n + 1) == (ssize_t)text.n + 1 &&
	    fsync(fd) == 0;
	good = close(fd) == 0 && good;
	/* ENOENT: another writer has taken the new file away. */
	good = good && (rename(fresh, path) == 0 || errno == ENOENT);
	if (good)
		return folder_sync(path, f);
	failed(path, f);
	unlink(fresh);
	return false;
}

static enum buildnote
parse(struct slice line, int64_t *at)
{
	struct slice state, when;
	unsigned long number;

	if (!slice_next(&line, ' ', &state) || !slice_next(&line, ' ', &when) ||
	    !text_number(when, LONG_MAX, &number))
		return BUILDNOTE_UNKNOWN;
	*at = (int64_t)number;
	return slice_is(state, "good") ? BUILDNOTE_GOOD :
	    slice_is(state, "failed") ? BUILDNOTE_FAILED : BUILDNOTE_UNKNOWN;
}

enum buildnote
buildnote_read(const char *store, const char *of, int64_t *at)
{
	char path[PATH_MAX], line[LINE_MAX_BYTES];
	enum buildnote found = BUILDNOTE_UNKNOWN;
	struct stat st;
	ssize_t n;
	int fd;

	snprintf(path, sizeof path, "%s-%s", store, of);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd == -1)
		return errno == ENOENT ? BUILDNOTE_NONE : BUILDNOTE_UNKNOWN;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    (n = read(fd, line, sizeof line)) > 0 && line[n - 1] == '\n')
		found = parse(slice_make(line, (size_t)n - 1), at);
	close(fd);
	return found;
}
