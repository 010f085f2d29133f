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
become(char *const argv[], int out, int err)
{
	const char *path = getenv("PATH");
	char wider[4096];
	int none = open("/dev/null", O_RDONLY);

	snprintf(wider, sizeof wider, "%s:/usr/sbin:/sbin",
	    path != NULL ? path : "/usr/bin:/bin");
	if (setenv("PATH", wider, 1) == 0 && none != -1 &&
	    dup2(none, STDIN_FILENO) != -1 && dup2(out, STDOUT_FILENO) != -1 &&
	    dup2(err, STDERR_FILENO) != -1)
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

/* Standard error goes to `err`; *status is that of waitpid(2). */
static bool
run(char *const argv[], struct text *out, int err, int *status,
    struct fault *f)
{
	int ends[2], error;
	pid_t child;

	if (pipe2(ends, O_CLOEXEC) == -1)
		return fault_errno(f, FAULT_UNAVAILABLE, errno, "pipe");
	child = fork();
	if (child == 0)
		become(argv, ends[1], err);
	close(ends[1]);
	if (child == -1) {
		close(ends[0]);
		return fault_errno(f, FAULT_UNAVAILABLE, errno, "fork");
	}
	error = read_to_end(ends[0], out);
	close(ends[0]);
	while (waitpid(child, status, 0) == -1)
		if (errno != EINTR)
			return fault_errno(f, FAULT_UNAVAILABLE, errno,
			    "waitpid");
	if (error != 0)
		return fault_errno(f, FAULT_UNAVAILABLE, error,
		    "cannot read what %s prints", argv[0]);
	if (WIFEXITED(*status) && WEXITSTATUS(*status) == NOT_FOUND)
		return fault_set(f, FAULT_UNAVAILABLE, "%s cannot be run",
		    argv[0]);
	if (out->cut)
		return fault_set(f, FAULT_DATA, "%s prints too much", argv[0]);
	return true;
}

bool
capture(char *const argv[], struct text *out, struct fault *f)
{
	int status;

	if (!run(argv, out, STDERR_FILENO, &status, f))
		return false;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return fault_set(f, FAULT_UNAVAILABLE, "%s failed", argv[0]);
	return true;
}

bool
capture_both(char *const argv[], struct text *out, struct text *err,
    bool *good, struct fault *f)
{
	FILE *file = tmpfile();
	int status;
	bool ran;

	if (file == NULL)
		return fault_errno(f, FAULT_UNAVAILABLE, errno, "tmpfile");
	ran = run(argv, out, fileno(file), &status, f);
	rewind(file);
	if (ran && read_to_end(fileno(file), err) != 0)
		ran = fault_set(f, FAULT_IO, "cannot read what %s says",
		    argv[0]);
	fclose(file);
	*good = ran && WIFEXITED(status) && WEXITSTATUS(status) == 0;
	return ran;
}
