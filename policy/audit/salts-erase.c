/* All by descriptor in one folder: no name in it is followed anywhere else. */
#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy/audit/salts-erase.h"
#include "policy/base/folder.h"

enum { CHUNK = 64 * 1024 };

static bool
check_folder(int dir, const char *folder, struct fault *fault)
{
	struct stat st;

	if (fstat(dir, &st) == -1)
		return fault_errno(fault, FAULT_IO, errno, "%s/" SALTS_FOLDER,
		    folder);
	return (st.st_uid == geteuid() && (st.st_mode & 077) == 0) ||
	    fault_set(fault, FAULT_IO, "%s/" SALTS_FOLDER ": it is another "
	    "user's, or others have rights in it; expected mode 0700", folder);
}

int
salts_erase_open(const char *folder, bool make, struct fault *fault)
{
	int state, dir = -1;
	bool made;

	if (!folder_root_keeps(folder, "no salts", fault))
		return -1;
	state = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (state == -1) {
		fault_errno(fault, errno == ENOENT ? FAULT_NOINPUT : FAULT_IO,
		    errno, "cannot open the folder %s", folder);
		return -1;
	}
	made = make && mkdirat(state, SALTS_FOLDER, 0700) == 0 &&
	    fsync(state) == 0;
	if (made || !make || errno == EEXIST || errno == EINVAL)
		dir = openat(state, SALTS_FOLDER, O_RDONLY | O_DIRECTORY |
		    O_NOFOLLOW | O_CLOEXEC);
	if (dir == -1)
		fault_errno(fault, errno == ENOENT ? FAULT_NOINPUT : FAULT_IO,
		    errno, "%s/" SALTS_FOLDER, folder);
	close(state);
	if (dir != -1 && !check_folder(dir, folder, fault)) {
		close(dir);
		dir = -1;
	}
	return dir;
}

int
salts_erase_file(int dir, const char *name, bool make, struct fault *fault)
{
	int fd = openat(dir, name, O_RDWR | O_APPEND | O_NOFOLLOW |
	    O_NONBLOCK | O_NOCTTY | O_CLOEXEC | (make ? O_CREAT : 0), 0600);
	struct stat st;

	if (fd == -1) {
		salts_unopened(name, fault);
		return -1;
	}
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    st.st_uid == geteuid() && st.st_nlink == 1 &&
	    (st.st_mode & 077) == 0)
		return fd;
	fault_set(fault, FAULT_IO, "salts of %s: this is no file, or another "
	    "user's, or has another name, too, or others have rights in it",
	    name);
	close(fd);
	return -1;
}

static bool
write_over(int fd, const char *bytes, size_t n, off_t at)
{
	while (n > 0) {
		ssize_t put = pwrite(fd, bytes, n, at);

		if (put == -1 && errno == EINTR)
			continue;
		if (put <= 0) {
			errno = put == 0 ? EIO : errno;
			return false;
		}
		bytes += put;
		n -= (size_t)put;
		at += put;
	}
	return true;
}

/* With O_APPEND pwrite(2) would add to the end. */
static bool
may_write_over(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags != -1 && fcntl(fd, F_SETFL, flags & ~O_APPEND) == 0;
}

static bool
zero(int fd)
{
	static const char zeros[CHUNK];
	struct stat st;

	if (!may_write_over(fd) || fstat(fd, &st) == -1)
		return false;
	for (off_t at = 0; at < st.st_size; at += CHUNK)
		if (!write_over(fd, zeros, st.st_size - at < CHUNK ?
		    (size_t)(st.st_size - at) : CHUNK, at))
			return false;
	return fdatasync(fd) == 0;
}

bool
salts_erase_day(int dir, const char *name, struct fault *fault)
{
	int fd = salts_erase_file(dir, name, false, fault);
	bool good;

	/* ENOENT: another daemon, or an earlier run, was quicker. */
	if (fd == -1)
		return fault->kind == FAULT_NOINPUT;
	good = zero(fd) && (unlinkat(dir, name, 0) == 0 || errno == ENOENT) &&
	    (fsync(dir) == 0 || errno == EINVAL);
	if (!good)
		fault_errno(fault, FAULT_IO, errno, "cannot erase the salts of "
		    "%s", name);
	close(fd);
	return good;
}

static int
compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void
salts_erase_days_free(char **days, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(days[i]);
	free(days);
}

static bool
add_day(char ***days, size_t *n, const char *name)
{
	char **larger = realloc(*days, (*n + 1) * sizeof *larger);

	if (larger == NULL)
		return false;
	*days = larger;
	larger[*n] = strdup(name);
	return larger[(*n)++] != NULL;
}

char **
salts_erase_days(int dir, size_t *n, struct fault *fault)
{
	int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *list = copy == -1 ? NULL : fdopendir(copy);
	char **days = calloc(1, sizeof *days);
	struct dirent *entry = NULL;
	bool good = list != NULL && days != NULL;
	int32_t day;

	*n = 0;
	while (good && (errno = 0, entry = readdir(list)) != NULL)
		if (salts_day(entry->d_name, &day))
			good = add_day(&days, n, entry->d_name);
	good = good && errno == 0;
	if (!good)
		fault_errno(fault, FAULT_IO, errno == 0 ? ENOMEM : errno,
		    "cannot look through the salts");
	if (list != NULL)
		closedir(list);
	else if (copy != -1)
		close(copy);
	if (!good) {
		salts_erase_days_free(days, *n);
		*n = 0;
		return NULL;
	}
	qsort(days, *n, sizeof *days, compare);
	return days;
}

/* A day under the knife. */
struct knife {
	int fd;
	char *text, *value; /* all of the file; room for one value, decoded */
	size_t n;
	salts_erase_match *match;
	void *arg;
	bool really;
	struct salts_erased *counts;
	char **seen; /* values that match, decoded */
	size_t nseen;
};

static bool
is_inside_word(struct slice text, size_t at)
{
	int c = at < text.n ? text_lower((unsigned char)text.p[at]) : ' ';

	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c >= 0x80;
}

bool
salts_erase_names(struct slice text, struct slice value)
{
	for (size_t i = 0; value.n > 0 && i + value.n <= text.n; i++)
		if (slice_equal_nocase(slice_make(text.p + i, value.n),
		    value) && (i == 0 || !is_inside_word(text, i - 1)) &&
		    !is_inside_word(text, i + value.n))
			return true;
	return false;
}

static bool
repeats(const struct knife *k, struct slice value)
{
	for (size_t i = 0; i < k->nseen; i++)
		if (salts_erase_names(value, slice_of(k->seen[i])))
			return true;
	return false;
}

static bool
is_repetition(enum person_kind kind)
{
	return kind == PERSON_TEXT || kind == PERSON_RULE;
}

/* A value with a NUL is cut there: it matches more for that. */
static bool
note_seen(struct knife *k, struct slice value)
{
	char **larger = realloc(k->seen, (k->nseen + 1) * sizeof *larger);

	if (larger == NULL)
		return false;
	k->seen = larger;
	larger[k->nseen] = strndup(value.p, value.n);
	if (larger[k->nseen] == NULL)
		return false;
	if (larger[k->nseen][0] == '\0')
		free(larger[k->nseen]);
	else
		k->nseen++;
	return true;
}

/* Overwrites all behind the commitment, to the end of the line. */
static bool
cut_out(struct knife *k, struct slice line)
{
	char *from = k->text + (line.p - k->text) + PERSON_HEX + 1;
	size_t n = line.n - PERSON_HEX - 1;

	memset(from, '-', n);
	k->counts->erased++;
	return !k->really || write_over(k->fd, from, n, from - k->text);
}

/* One pass over the file: first for values, then for texts that repeat them. */
static bool
pass(struct knife *k, bool repetitions)
{
	struct slice rest = slice_make(k->text, k->n), line;
	struct salts_entry e;

	while (slice_next(&rest, '\n', &line)) {
		struct text value;
		struct slice plain;

		if (!salts_parse(line, &e) || e.erased ||
		    is_repetition(e.kind) != repetitions)
			continue;
		k->counts->entries++;
		text_init(&value, k->value, k->n + 1);
		text_put_xdecoded(&value, e.value);
		plain = slice_make(value.buf, value.n);
		if (!(k->match(k->arg, e.kind, plain) ||
		    (repetitions && repeats(k, plain))))
			continue;
		if ((!repetitions && !note_seen(k, plain)) ||
		    !cut_out(k, line))
			return false;
	}
	return true;
}

bool
salts_erase_people(int dir, const char *name, salts_erase_match *match,
    void *arg, bool really, struct salts_erased *counts, struct fault *fault)
{
	struct knife k = { .match = match, .arg = arg, .really = really,
		.counts = counts };
	bool good;

	memset(counts, 0, sizeof *counts);
	k.fd = salts_erase_file(dir, name, false, fault);
	if (k.fd == -1)
		return false;
	k.text = salts_load(dir, name, &k.n, fault);
	good = k.text != NULL;
	if (good) {
		k.value = malloc(k.n + 1);
		good = k.value != NULL && may_write_over(k.fd) &&
		    pass(&k, false) && pass(&k, true) &&
		    (!really || fdatasync(k.fd) == 0);
		if (!good)
			fault_errno(fault, FAULT_IO, errno, "cannot erase in "
			    "the salts of %s", name);
	}
	salts_erase_days_free(k.seen, k.nseen);
	free(k.value);
	free(k.text);
	close(k.fd);
	return good;
}
