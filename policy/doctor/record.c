#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "policy/audit/source.h"
#include "policy/doctor/record.h"

static FILE *
open_log(const char *path, struct fault *f)
{
	int fd = source_open_fd(path, f);
	FILE *file = fd == -1 ? NULL : fdopen(fd, "r");

	if (fd != -1 && file == NULL) {
		fault_errno(f, FAULT_UNAVAILABLE, errno, "%s", path);
		close(fd);
	}
	return file;
}

bool
record_mark(const char *path, struct record_mark *mark, struct fault *f)
{
	struct stat st;
	FILE *file;

	memset(mark, 0, sizeof *mark);
	mark->path = path;
	if (access(path, F_OK) == -1 && errno == ENOENT)
		return true;
	file = open_log(path, f);
	if (file == NULL)
		return false;
	if (fstat(fileno(file), &st) == 0) {
		mark->device = st.st_dev;
		mark->inode = st.st_ino;
		mark->end = st.st_size;
	}
	fclose(file);
	return true;
}

static bool
is_of(const char *line, const char *helo, struct record_seen *seen)
{
	json_t *record = strstr(line, helo) == NULL ? NULL :
	    json_loads(line, 0, NULL);
	const char *name = json_string_value(json_object_get(record, "helo"));
	bool found = name != NULL && strcmp(name, helo) == 0 &&
	    json_is_string(json_object_get(record, "verdict"));

	if (found)
		*seen = (struct record_seen){
			.tls = json_is_object(json_object_get(record, "tls")),
			.policy = json_integer_value(json_object_get(record,
			    "generation")) > 0 };
	json_decref(record);
	return found;
}

bool
record_find(const struct record_mark *mark, const char *helo,
    struct record_seen *seen)
{
	struct fault ignored;
	FILE *file = open_log(mark->path, &ignored);
	char *line = NULL;
	size_t room = 0;
	struct stat st;
	bool found = false;

	if (file == NULL)
		return false;
	/*
	 * The log was replaced since the mark: the new file is read from its
	 * start.
	 */
	if (fstat(fileno(file), &st) == 0 && st.st_dev == mark->device &&
	    st.st_ino == mark->inode && st.st_size >= mark->end &&
	    fseeko(file, mark->end, SEEK_SET) == -1)
		rewind(file);
	while (!found && getline(&line, &room, file) > 0)
		found = is_of(line, helo, seen);
	free(line);
	fclose(file);
	return found;
}
