#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "policy/base/regular.h"

static bool
is_regular(const struct stat *st)
{
	return S_ISREG(st->st_mode) ||
	    (S_ISCHR(st->st_mode) && st->st_rdev == makedev(1, 3));
}

FILE *
regular_open(const char *path, struct fault *f)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	FILE *file;

	if (fd == -1 || fstat(fd, &st) == -1)
		fault_errno(f, FAULT_NOINPUT, errno, "cannot open %s", path);
	else if (S_ISDIR(st.st_mode))
		fault_errno(f, FAULT_NOINPUT, EISDIR, "cannot read %s", path);
	else if (!is_regular(&st))
		fault_set(f, FAULT_NOINPUT, "cannot read %s: not a regular "
		    "file", path);
	else if ((file = fdopen(fd, "r")) == NULL)
		fault_no_memory(f);
	else
		return file;
	if (fd != -1)
		close(fd);
	return NULL;
}
