#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "policy/doctor/run.h"

enum { NOT_FOUND = 127 };

/* An administrator's PATH has no /usr/sbin everywhere. */
static _Noreturn void
become(char *const argv[], int out)
{
	const char *path = getenv("PATH");
	char wider[4096];
	int none = open("/dev/null", O_RDONLY);

	snprintf(wider, sizeof wider, "%s:/usr/sbin:/sbin",
	    path != NULL ? path : "/usr/bin:/bin");
	if (setenv("PATH", wider, 1) == 0 && none != -1 &&
	    dup2(none, STDIN_FILENO) != -1 && dup2(out, STDOUT_FILENO) != -1)
		execvp(argv[0], argv);
	_exit(NOT_FOUND);
}

/* 0, or why the end was not reached. */
static int
read_to_end(int fd, struct text *out)
{
	char part[4096];
	ssize_t n;

	while ((n = read(fd, part, sizeof part)) > 0 ||
	    (n == -1 && errno == EINTR))
		if (n > 0)
			text_put(out, slice_make(part, (size_t)n));
	return n == 0 ? 0 : errno;
}

static bool
judge(const char *name, int status, const struct text *out, struct fault *f)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_FOUND)
		return fault_set(f, FAULT_UNAVAILABLE, "%s cannot be run",
		    name);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return fault_set(f, FAULT_UNAVAILABLE, "%s failed", name);
	if (out->cut)
		return fault_set(f, FAULT_DATA, "%s prints too much", name);
	return true;
}

bool
capture(char *const argv[], struct text *out, struct fault *f)
{
	int ends[2], status, error;
	pid_t child;

	if (pipe2(ends, O_CLOEXEC) == -1)
		return fault_errno(f, FAULT_UNAVAILABLE, errno, "pipe");
	child = fork();
	if (child == 0)
		become(argv, ends[1]);
	close(ends[1]);
	if (child == -1) {
		close(ends[0]);
		return fault_errno(f, FAULT_UNAVAILABLE, errno, "fork");
	}
	error = read_to_end(ends[0], out);
	close(ends[0]);
	while (waitpid(child, &status, 0) == -1)
		if (errno != EINTR)
			return fault_errno(f, FAULT_UNAVAILABLE, errno,
			    "waitpid");
	if (error != 0)
		return fault_errno(f, FAULT_UNAVAILABLE, error,
		    "cannot read what %s prints", argv[0]);
	return judge(argv[0], status, out, f);
}
