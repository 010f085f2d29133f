#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/commands/credentials.h"

static bool
read_password(const struct settings *set, struct credentials *a,
    struct fault *f)
{
	const char *path = set->directory_password_file;
	struct stat st;
	ssize_t n;
	int fd;

	if (path[0] == '\0')
		return true;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd == -1 || fstat(fd, &st) == -1) {
		fault_errno(f, FAULT_NOINPUT, errno, "%s", path);
		if (fd != -1)
			close(fd);
		return false;
	}
	n = read(fd, a->password, sizeof a->password - 1);
	close(fd);
	if (!S_ISREG(st.st_mode) || (st.st_mode & 0007) != 0)
		return fault_set(f, FAULT_SETTINGS, "%s: expected a file that "
		    "others cannot read", path);
	if (n == (ssize_t)sizeof a->password - 1)
		return fault_set(f, FAULT_SETTINGS, "%s: more than %d bytes",
		    path, DIRECTORY_PASSWORD_MAX - 2);
	a->password[n < 0 ? 0 : n] = '\0';
	a->password[strcspn(a->password, "\r\n")] = '\0';
	/* An empty password would bind as nobody, which servers accept. */
	return a->password[0] != '\0' || fault_set(f, FAULT_SETTINGS,
	    "%s: there is no password in it", path);
}

bool
credentials_read(const struct context *context, struct credentials *a,
    struct fault *f)
{
	const struct settings *set = &context->settings;
	bool named = set->directory_bind[0] != '\0' &&
	    strcmp(set->directory_bind, "external") != 0;

	/* A server that hangs up is a fault like others. */
	signal(SIGPIPE, SIG_IGN);
	if (set->directory[0] == '\0' || set->directory_base[0] == '\0') {
		fault_set(f, FAULT_SETTINGS, "expected where the rules are");
		fault_at_setting(f, set->directory[0] == '\0' ? "directory" :
		    "directory-base");
		return false;
	}
	if (named != (set->directory_password_file[0] != '\0')) {
		fault_set(f, FAULT_SETTINGS, named ? "expected the password "
		    "of directory-bind" : "a password needs a name, in "
		    "directory-bind");
		fault_at_setting(f, "directory-password-file");
		return false;
	}
	a->access = (struct directory_access){ .base = set->directory_base,
		.bind = set->directory_bind, .password = a->password,
		.ca_file = set->directory_ca_file,
		.certificate_file = set->directory_certificate_file,
		.key_file = set->directory_key_file };
	return read_password(set, a, f);
}

void
credentials_forget(struct credentials *a)
{
	explicit_bzero(a->password, sizeof a->password);
}
