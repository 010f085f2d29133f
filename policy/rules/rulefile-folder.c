/*
 * A folder of rules, as it is edited by several people and programs: its files
 * *.rules in the order of their names, as bytes.
 *
 * Whoever can put a file there writes policy.  So nobody may who could not have
 * written the folder itself, and each name that counts must be a file that can
 * be read: nothing that was meant is left out, and none at all is a mistake.
 */
#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy/rules/rulefile-internal.h"

enum { FOLDER_PATH_MAX = 4096 };

struct folder {
	const char *path;
	int fd;
	struct stat st;
	char **names;
	size_t n, allocated;
};

static bool
ends_in(const char *name, const char *end)
{
	size_t n = strlen(name), m = strlen(end);

	return n > m && strcmp(name + n - m, end) == 0;
}

/* Somebody else's file, or one that somebody else can write. */
static bool
is_trusted(const struct folder *d, const struct stat *st, const char *name,
    struct fault *fault)
{
	if (st->st_uid != 0 && st->st_uid != geteuid() &&
	    st->st_uid != d->st.st_uid)
		return fault_set(fault, FAULT_DATA, "%s/%s belongs to user "
		    "%lu; expected the owner of the folder, or root", d->path,
		    name, (unsigned long)st->st_uid);
	/* A link has all mode bits, and nobody can write it. */
	if (!S_ISLNK(st->st_mode) && (st->st_mode & S_IWOTH) != 0)
		return fault_set(fault, FAULT_DATA, "%s%s%s can be written by "
		    "everybody; expected only who makes the policy", d->path,
		    name[0] == '\0' ? "" : "/", name);
	return true;
}

static bool
is_readable(const char *name)
{
	struct slice s = slice_of(name);
	uint32_t code;

	for (size_t i = 0, n; i < s.n; i += n) {
		n = text_utf8(slice_from(s, i), &code);
		if (n == 0 || text_is_invisible(code))
			return false;
	}
	return true;
}

static bool
keep(struct folder *d, const char *name, struct fault *fault)
{
	if (!is_readable(name))
		return fault_set(fault, FAULT_DATA, "%s has a file whose name "
		    "is no text; expected names in UTF-8", d->path);
	if (d->n == d->allocated) {
		size_t more = 2 * d->allocated + 16;
		char **names = reallocarray(d->names, more, sizeof *names);

		if (names == NULL)
			return fault_no_memory(fault);
		d->names = names;
		d->allocated = more;
	}
	if ((d->names[d->n] = strdup(name)) == NULL)
		return fault_no_memory(fault);
	d->n++;
	return true;
}

/*
 * A file that is passed over may hold a rule that somebody believes to be in
 * force.
 */
static void
warn_passed_over(const struct rulefile *file, const struct folder *d,
    const char *name)
{
	struct fault fault;

	if (file->warn == NULL || ends_in(name, "~") ||
	    ends_in(name, ".claims") || strcmp(name, "README") == 0)
		return;
	fault_set(&fault, FAULT_DATA, "warning: %s is passed over, as its name "
	    "does not end in .rules", is_readable(name) ? name : "a file");
	fault_at(&fault, d->path, 0, 0);
	file->warn(file->arg, &fault);
}

/* Names with a dot in front are hidden: an editor's, a version control's. */
static bool
list(const struct rulefile *file, struct folder *d, DIR *dir,
    struct fault *fault)
{
	const struct dirent *entry;
	bool good = true;

	while (good && (errno = 0, entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		if (ends_in(entry->d_name, ".rules"))
			good = keep(d, entry->d_name, fault);
		else
			warn_passed_over(file, d, entry->d_name);
	}
	return good && (errno == 0 || fault_errno(fault, FAULT_IO, errno,
	    "cannot read %s", d->path));
}

static int
compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* A descriptor, or -1: a FIFO is not waited for, a device not touched. */
static int
open_file(const struct folder *d, const char *name, struct fault *fault)
{
	struct stat link, st;
	int fd;

	if (fstatat(d->fd, name, &link, AT_SYMLINK_NOFOLLOW) != 0 ||
	    fstatat(d->fd, name, &st, 0) != 0) {
		fault_errno(fault, FAULT_NOINPUT, errno, "cannot open %s/%s",
		    d->path, name);
		return -1;
	}
	if (!is_trusted(d, &link, name, fault))
		return -1;
	if (!S_ISREG(st.st_mode)) {
		fault_set(fault, FAULT_DATA, "%s/%s is no file; expected a "
		    "file of rules, or a link to one", d->path, name);
		return -1;
	}
	fd = openat(d->fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd == -1 || fstat(fd, &st) != 0)
		fault_errno(fault, FAULT_NOINPUT, errno, "cannot open %s/%s",
		    d->path, name);
	else if (S_ISREG(st.st_mode) && is_trusted(d, &st, name, fault))
		return fd;
	else if (!S_ISREG(st.st_mode))
		fault_set(fault, FAULT_DATA, "%s/%s is no file any more",
		    d->path, name);
	if (fd != -1)
		close(fd);
	return -1;
}

static bool
read_files(struct rulefile *file, const struct folder *d, struct fault *fault)
{
	char path[FOLDER_PATH_MAX];

	if (d->n == 0)
		return fault_set(fault, FAULT_NOINPUT, "cannot read %s: it has "
		    "no file *.rules; expected one at least", d->path);
	for (size_t i = 0; i < d->n; i++) {
		int fd = open_file(d, d->names[i], fault);
		bool good;

		if (fd == -1)
			return false;
		snprintf(path, sizeof path, "%s/%s", d->path, d->names[i]);
		good = rulefile_read_open(file, fd, path, fault);
		close(fd);
		if (!good)
			return false;
	}
	return true;
}

/* Without the slash that the name of a folder may end in. */
static bool
name_folder(struct folder *d, const char *path, char name[FOLDER_PATH_MAX],
    struct fault *fault)
{
	size_t n = strlen(path);

	while (n > 1 && path[n - 1] == '/')
		n--;
	if (n >= FOLDER_PATH_MAX)
		return fault_errno(fault, FAULT_NOINPUT, ENAMETOOLONG,
		    "cannot open a folder");
	memcpy(name, path, n);
	name[n] = '\0';
	d->path = name;
	return true;
}

static bool
read_folder(struct rulefile *file, int fd, const char *path,
    struct fault *fault)
{
	char name[FOLDER_PATH_MAX];
	struct folder d = { .fd = fd };
	DIR *dir;
	bool good;
	int copy;

	if (!name_folder(&d, path, name, fault))
		return false;
	if (fstat(fd, &d.st) != 0 || (copy = openat(fd, ".", O_RDONLY |
	    O_DIRECTORY | O_CLOEXEC)) == -1)
		return fault_errno(fault, FAULT_IO, errno, "cannot read %s",
		    d.path);
	if ((dir = fdopendir(copy)) == NULL) {
		close(copy);
		return fault_no_memory(fault);
	}
	good = is_trusted(&d, &d.st, "", fault) &&
	    list(file, &d, dir, fault);
	closedir(dir);
	if (good && d.n > 0)
		qsort(d.names, d.n, sizeof *d.names, compare);
	good = good && read_files(file, &d, fault);
	for (size_t i = 0; i < d.n; i++)
		free(d.names[i]);
	free(d.names);
	return good;
}

bool
rulefile_read(struct rulefile *file, const char *path, struct fault *fault)
{
	bool is_stdin = strcmp(path, "-") == 0, good;
	int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return fault_errno(fault, FAULT_NOINPUT, errno,
		    "cannot open %s", path);
	good = !is_stdin && fstat(fd, &st) == 0 && S_ISDIR(st.st_mode) ?
	    read_folder(file, fd, path, fault) : rulefile_read_open(file, fd,
	    is_stdin ? "standard input" : path, fault);
	if (!is_stdin)
		close(fd);
	return good;
}
