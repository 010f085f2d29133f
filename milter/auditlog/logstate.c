/*
 * All by descriptor in one folder: no name in it is followed anywhere else.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "milter/auditlog/logstate.h"

#define FIRST "tlspolicy audit state 1"

enum { SIZE_MAX_ = PATH_MAX + 512 };

static bool
failed(const struct logstate *s, struct fault *fault, int error,
    const char *what)
{
	return fault_errno(fault, FAULT_IO, error, "%s/%s: %s", s->folder,
	    s->name, what);
}

static bool
unfit(const struct logstate *s, struct fault *fault, const char *what)
{
	return fault_set(fault, FAULT_IO, "%s/%s: %s", s->folder, s->name,
	    what);
}

bool
logstate_open(struct logstate *s, const char *folder, const char *file,
    struct fault *fault)
{
	const char *slash = strrchr(file, '/');
	int n;

	memset(s, 0, sizeof *s);
	s->dir = -1;
	chain_head_init(&s->head);
	snprintf(s->folder, sizeof s->folder, "%s", folder);
	snprintf(s->file, sizeof s->file, "%s", file);
	n = snprintf(s->name, sizeof s->name, "state.%s",
	    slash == NULL ? file : slash + 1);
	if (n < 0 || (size_t)n + sizeof ".new" > sizeof s->name)
		return failed(s, fault, ENAMETOOLONG, "cannot be kept");
	if (!folder_root_keeps(folder, "nothing", fault))
		return false;
	s->dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return s->dir != -1 || fault_errno(fault, FAULT_IO, errno,
	    "cannot open the folder %s", folder);
}

void
logstate_close(struct logstate *s)
{
	if (s->dir != -1)
		close(s->dir);
	s->dir = -1;
}

/* Any content is read as our text, or as nothing. */
static bool
parse(struct logstate *s, struct slice text, struct fault *fault)
{
	struct slice line, word;
	unsigned long seq;

	if (!slice_next(&text, '\n', &line) || !slice_is(line, FIRST) ||
	    !slice_next(&text, '\n', &line) || !slice_next(&line, ' ', &word) ||
	    !slice_is(word, "file"))
		return unfit(s, fault, "this is no state of a log");
	if (!slice_is(line, s->file))
		return unfit(s, fault, "it is of another log");
	if (!slice_next(&text, '\n', &line) || !slice_next(&line, ' ', &word) ||
	    !slice_is(word, "head") || !slice_next(&line, ' ', &word) ||
	    word.n != CHAIN_HEX || !text_number(line, ~0UL >> 1, &seq) ||
	    strspn(word.p, "0123456789abcdef") != CHAIN_HEX)
		return unfit(s, fault, "no head is in it");
	memcpy(s->head.hex, word.p, CHAIN_HEX);
	s->head.seq = seq;
	/*
	 * Without the number signed last, lines are signed twice, which does no
	 * harm.
	 */
	if (slice_next(&text, '\n', &line) && slice_next(&line, ' ', &word) &&
	    slice_is(word, "signed") && text_number(line, ~0UL >> 1, &seq))
		s->signed_seq = seq;
	return true;
}

static bool
check(const struct logstate *s, int fd, struct fault *fault)
{
	struct stat st;

	if (fstat(fd, &st) == -1)
		return failed(s, fault, errno, "cannot stat");
	return (S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
	    st.st_nlink == 1 && (st.st_mode & (S_IWGRP | S_IWOTH)) == 0) ||
	    unfit(s, fault, "others can write it, or it is no file of this "
	    "user's");
}

enum logstate_result
logstate_read(struct logstate *s, struct fault *fault)
{
	char text[SIZE_MAX_];
	ssize_t n = -1;
	bool good;
	int fd = openat(s->dir, s->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK |
	    O_NOCTTY | O_CLOEXEC);

	if (fd == -1 && errno == ENOENT)
		return LOGSTATE_ABSENT;
	if (fd == -1) {
		failed(s, fault, errno, "cannot open");
		return LOGSTATE_FAILED;
	}
	good = check(s, fd, fault);
	if (good && (n = read(fd, text, sizeof text - 1)) == -1)
		good = failed(s, fault, errno, "cannot read");
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	return good && parse(s, slice_of(text), fault) ? LOGSTATE_FOUND :
	    LOGSTATE_FAILED;
}

static bool
put(const struct logstate *s, const char *name, bool sync)
{
	char memory[SIZE_MAX_];
	struct text text;
	int fd, error;

	text_init(&text, memory, sizeof memory);
	text_printf(&text, FIRST "\nfile %s\nhead %s %llu\nsigned %llu\n",
	    s->file, s->head.hex, (unsigned long long)s->head.seq,
	    (unsigned long long)s->signed_seq);
	fd = openat(s->dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW |
	    O_CLOEXEC, 0600);
	if (fd == -1)
		return false;
	error = write_whole(fd, slice_make(memory, text.n)) &&
	    (!sync || fsync(fd) == 0) ? 0 : errno;
	if (close(fd) == -1 && error == 0)
		error = errno;
	errno = error;
	return error == 0;
}

bool
logstate_write(const struct logstate *s, bool sync, struct fault *fault)
{
	char name[NAME_MAX + 8];
	int error;

	snprintf(name, sizeof name, "%s.new", s->name);
	/* A power failure may have left an unfinished note. */
	(void)unlinkat(s->dir, name, 0);
	if (put(s, name, sync) &&
	    renameat(s->dir, name, s->dir, s->name) == 0 &&
	    (!sync || fsync(s->dir) == 0 || errno == EINVAL))
		return true;
	error = errno;
	(void)unlinkat(s->dir, name, 0);
	return failed(s, fault, error, "cannot note where the log ends");
}
