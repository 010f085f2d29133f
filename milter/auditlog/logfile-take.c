/*
 * How the file is come by, and whether its name still leads to it.  The lock
 * keeps a second daemon from growing another branch of the chain.
 */
#include "config.h" /* for renameat2(2) */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "milter/auditlog/logfile-internal.h"

static bool
is_stdout(const char *path)
{
	return strcmp(path, "/dev/stdout") == 0;
}

/* A device that takes all and keeps nothing is no log. */
static bool
take_stdout(struct logfile *f, struct fault *fault)
{
	struct stat st;

	if (fstat(f->fd, &st) == -1)
		return fault_errno(fault, FAULT_IO, errno,
		    "cannot stat standard output");
	if (S_ISCHR(st.st_mode) && !isatty(f->fd))
		return fault_set(fault, FAULT_IO, "standard output is a "
		    "device, which keeps nothing; expected a pipe, a socket, "
		    "a terminal or a file");
	f->dev = st.st_dev;
	f->ino = st.st_ino;
	return true;
}

/*
 * Opened for reading, too, a FIFO would take what nobody reads, and a reader
 * that waits for it would see its end: so it is looked at before.
 */
static int
open_path(struct logfile *f, const char *path)
{
	struct stat st;

	f->stream = is_stdout(path) || (lstat(path, &st) == 0 &&
	    S_ISFIFO(st.st_mode));
	if (is_stdout(path))
		return fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC,
		    STDERR_FILENO + 1);
	return open(path, (f->stream ? O_WRONLY : O_RDWR | O_APPEND | O_CREAT) |
	    O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW, 0640);
}

static bool
lock(struct logfile *f, const char *path, struct fault *fault)
{
	struct stat st;

	if (is_stdout(path))
		return take_stdout(f, fault);

	if (fstat(f->fd, &st) == -1)
		return fault_errno(fault, FAULT_IO, errno, "cannot stat %s",
		    path);
	if (f->stream ? !S_ISFIFO(st.st_mode) : !S_ISREG(st.st_mode))
		return fault_set(fault, FAULT_IO, "%s is not a regular file, "
		    "nor a pipe", path);
	if (st.st_nlink != 1 || (geteuid() == 0 && st.st_uid != 0))
		return fault_set(fault, FAULT_IO, st.st_nlink != 1 ?
		    "%s has more than one name, or none any more" :
		    "%s is not root's, and root does not write to it", path);
	if (flock(f->fd, LOCK_EX | LOCK_NB) == -1)
		return fault_errno(fault, FAULT_UNAVAILABLE, errno,
		    "another process writes to %s", path);
	f->dev = st.st_dev;
	f->ino = st.st_ino;
	return true;
}

/* Said in full at a start by hand, for which no unit has made the folder. */
static bool
cannot_append(const char *path, int error, struct fault *fault)
{
	const struct passwd *user;
	const char *end = strrchr(path, '/');
	char folder[256] = "";
	struct stat st;

	if (end != NULL && end > path)
		snprintf(folder, sizeof folder, "%.*s", (int)(end - path),
		    path);
	if (error != ENOENT || folder[0] == '\0' || stat(folder, &st) == 0)
		return fault_errno(fault, FAULT_IO, error, error == ENXIO ?
		    "nobody reads %s" : "cannot append to %s", path);
	user = getpwuid(geteuid());
	return fault_set(fault, FAULT_IO, "there is no folder %s for the audit "
	    "log; systemd makes that of the unit, others are made by: install "
	    "-d -o %s -m 750 %s", folder, user != NULL ? user->pw_name : "USER",
	    folder);
}

/* Nor does root make a file where somebody else can say what folder that is. */
static bool
root_goes_there(const char *path, struct fault *fault)
{
	const char *slash = strrchr(path, '/');
	char folder[PATH_MAX];
	uid_t owner = 0;

	if (geteuid() != 0)
		return true;
	/* The folder only: the file itself is looked at once it is open. */
	snprintf(folder, sizeof folder, "%.*s.",
	    slash == NULL ? 0 : (int)(slash - path) + 1, path);
	/*
	 * A missing folder is no place to open a file: it may appear as a link.
	 */
	if (access(folder, F_OK) == -1 && errno == ENOENT)
		return cannot_append(path, ENOENT, fault);
	return folder_owner(folder, &owner, fault) && (owner == 0 ||
	    fault_set(fault, FAULT_IO, "%s: root does not write there: its "
	    "folder, or a link on the way, is user %lu's", path,
	    (unsigned long)owner));
}

bool
logfile_take(struct logfile *f, const char *path, struct fault *fault)
{
	if (!root_goes_there(path, fault))
		return false;
	if ((f->fd = open_path(f, path)) == -1)
		return cannot_append(path, errno, fault);
	return lock(f, path, fault);
}

/* Nothing is written over: a name that is taken is an error. */
static bool
move(const char *from, const char *to)
{
	return renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0 ||
	    ((errno == EINVAL || errno == ENOSYS) && link(from, to) == 0 &&
	    unlink(from) == 0);
}

bool
logfile_set_aside(struct logfile *f, const char *path, int64_t now_us,
    struct fault *fault)
{
	time_t now = (time_t)(now_us / 1000000);
	char name[PATH_MAX], day[16];
	int old = f->fd, n;
	struct tm tm;
	bool good;

	gmtime_r(&now, &tm);
	strftime(day, sizeof day, "%Y%m%d", &tm);
	n = snprintf(name, sizeof name, "%s-%s-%lld", path, day,
	    (long long)now);
	if (n < 0 || (size_t)n >= sizeof name || !move(path, name))
		return fault_errno(fault, FAULT_IO, errno, "%s was sealed with "
		    "another key, and cannot be renamed to %s", path, name);
	good = logfile_take(f, path, fault);
	if (f->fd != old)
		close(old);
	return good;
}

enum logfile_place
logfile_place(const struct logfile *f, const char *path)
{
	struct stat st;

	if (f->stream && is_stdout(path))
		return LOGFILE_THERE;
	if (stat(path, &st) == -1)
		return errno == ENOENT || errno == ENOTDIR || errno == ELOOP ?
		    LOGFILE_AWAY : LOGFILE_UNSEEN;
	return st.st_dev == f->dev && st.st_ino == f->ino ? LOGFILE_THERE :
	    LOGFILE_AWAY;
}
