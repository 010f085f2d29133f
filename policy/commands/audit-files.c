/* Which files of the audit log are read, and that each counts once. */
#include <sys/stat.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/commands/audit.h"

/* A name that is a pattern itself would find other files, or none. */
static void
put_literally(const char *path, struct text *pattern)
{
	for (; *path != '\0'; path++) {
		if (strchr("\\*?[", *path) != NULL)
			text_char(pattern, '\\');
		text_char(pattern, *path);
	}
}

/* A folder that is missing has no files; one that cannot be read may. */
static int
stop_glob(const char *path, int error)
{
	(void)path;
	return error != ENOENT && error != ENOTDIR;
}

/* The unpacked file whose packed one is `path`, among the files; or NULL. */
static const char *
unpacked(const struct audit_files *files, const char *path)
{
	struct slice name = slice_of(path);

	for (size_t i = 0; i < files->n; i++) {
		size_t n = strlen(files->paths[i]);

		if (n < name.n && memcmp(path, files->paths[i], n) == 0 &&
		    (strcmp(path + n, ".gz") == 0 ||
		    strcmp(path + n, ".zst") == 0))
			return files->paths[i];
	}
	return NULL;
}

/*
 * While a packer works, both files are there: then the plain one counts, as it
 * may be the whole one.  What is left out is moved behind the end of the list.
 */
static void
leave_out_packed(struct audit_files *files)
{
	for (size_t i = 0; i < files->n;) {
		char *path = files->paths[i];
		const char *other = unpacked(files, path);

		if (other == NULL) {
			i++;
			continue;
		}
		fprintf(stderr, "tlspolicy: %s is left out: %s is there, too\n",
		    path, other);
		files->doubled++;
		files->paths[i] = files->paths[--files->n];
		files->paths[files->n] = path;
	}
}

static bool
find_files(const char *path, struct audit_files *files, struct fault *fault)
{
	char buf[2 * SETTINGS_STRING_MAX + 16];
	int flags = GLOB_NOSORT, result;
	struct text pattern;

	/* The name itself, then what rotation makes of it. */
	for (int i = 0; i < 3; i++) {
		static const char *const ends[] = { "", ".*", "-*" };

		text_init(&pattern, buf, sizeof buf);
		put_literally(path, &pattern);
		text_puts(&pattern, ends[i]);
		result = glob(buf, flags, stop_glob, &files->found);
		files->globbed = true;
		if (result != 0 && result != GLOB_NOMATCH)
			return fault_set(fault, FAULT_NOINPUT, "cannot look "
			    "for %s%s: %s", path, ends[i], result ==
			    GLOB_NOSPACE ? "out of memory" :
			    "its folder cannot be read");
		if (result == 0)
			flags |= GLOB_APPEND;
	}
	files->paths = files->found.gl_pathv;
	files->n = files->found.gl_pathc;
	if (files->n == 0)
		return fault_set(fault, FAULT_NOINPUT,
		    "there is no audit log %s", path);
	leave_out_packed(files);
	return true;
}

static bool
is_among(const struct stat *one, const struct stat *others, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (others[i].st_ino == one->st_ino &&
		    others[i].st_dev == one->st_dev)
			return true;
	return false;
}

/*
 * A file that is named twice is read once: what its records bear out would count
 * twice.
 */
static bool
leave_out_again(struct audit_files *files, struct fault *fault)
{
	struct stat one, *seen = calloc(files->n, sizeof *seen);
	size_t n = 0, nseen = 0;

	if (seen == NULL)
		return fault_no_memory(fault);
	for (size_t i = 0; i < files->n; i++) {
		char *path = files->paths[i];
		bool known = stat(path, &one) == 0 && S_ISREG(one.st_mode);

		if (known && is_among(&one, seen, nseen)) {
			fprintf(stderr, "tlspolicy: %s is named twice, and "
			    "read once\n", path);
			continue;
		}
		if (known)
			seen[nseen++] = one;
		files->paths[n++] = path;
	}
	files->n = n;
	free(seen);
	return true;
}

static bool
enter(const struct audit_files *files, struct fault *fault)
{
	for (size_t i = 0; i < files->n; i++)
		if (!command_enter_to_read(files->paths[i], fault))
			return false;
	return true;
}

bool
audit_can_read(const struct context *context, struct fault *fault)
{
	const char *path = context->settings.audit_file;

	if (!source_is_stream(path))
		return true;
	fault_set(fault, FAULT_NOINPUT, "%s is a stream: name the files that "
	    "hold what came out of it", path);
	fault_at_setting(fault, "audit-file");
	return false;
}

bool
audit_files(const struct context *context, char **operands,
    struct audit_files *files, struct fault *fault)
{
	memset(files, 0, sizeof *files);
	files->context = context;
	files->paths = operands;
	while (operands[files->n] != NULL)
		files->n++;
	if (files->n > 0) {
		if (!leave_out_again(files, fault))
			return false;
		leave_out_packed(files);
		return enter(files, fault);
	}
	if (!audit_can_read(context, fault))
		return false;
	if (find_files(context->settings.audit_file, files, fault) &&
	    enter(files, fault))
		return true;
	audit_files_free(files);
	files->globbed = false;
	fault_at_setting(fault, "audit-file");
	return false;
}

void
audit_files_free(struct audit_files *files)
{
	if (files->globbed)
		globfree(&files->found);
}
