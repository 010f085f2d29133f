/* Targets are parsed here to be refused early; the queue parses them again. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/probe/targets.h"

enum { TARGETS_MAX = 1000000 };

static bool
add_target(struct probe_targets *targets, const char *text, struct fault *f)
{
	size_t wanted = targets->allocated == 0 ? 64 : targets->allocated * 2;
	struct probe_job *more;

	if (targets->n == TARGETS_MAX)
		return fault_set(f, FAULT_DATA, "more than %d targets",
		    TARGETS_MAX);
	if (targets->n == targets->allocated) {
		more = realloc(targets->jobs, wanted * sizeof *more);
		if (more == NULL)
			return fault_no_memory(f);
		targets->jobs = more;
		targets->allocated = wanted;
	}
	more = &targets->jobs[targets->n];
	memset(more, 0, sizeof *more);
	more->text = strdup(text);
	if (more->text == NULL)
		return fault_no_memory(f);
	targets->n++;
	return true;
}

void
probe_targets_free(struct probe_targets *targets)
{
	for (size_t i = 0; i < targets->n; i++)
		free(targets->jobs[i].text);
	free(targets->jobs);
}

/* One target a line; # begins a comment; a bad one is reported with its line. */
static bool
read_lines(FILE *in, const char *name, struct probe_targets *targets,
    struct fault *f)
{
	char line[1024], copy[1024];
	struct target target;

	for (unsigned long number = 1; fgets(line, sizeof line, in) != NULL;
	    number++) {
		struct slice text = slice_of(line);

		text.n = slice_find(text, '\n');
		if (text.n == sizeof line - 1) {
			fault_set(f, FAULT_DATA, "a line longer than %zu bytes",
			    sizeof line - 2);
			fault_at(f, name, number, 0);
			return false;
		}
		text = slice_trim(slice_make(text.p, slice_find(text, '#')));
		if (text.n == 0)
			continue;
		if (!target_parse(text, &target, f)) {
			fault_at(f, name, number, 0);
			return false;
		}
		snprintf(copy, sizeof copy, "%.*s", SLICE_ARG(text));
		if (!add_target(targets, copy, f))
			return false;
	}
	if (!ferror(in))
		return true;
	fault_errno(f, FAULT_IO, errno, "cannot be read");
	fault_at(f, name, 0, 0);
	return false;
}

static bool
read_file(const char *path, struct probe_targets *targets, struct fault *f)
{
	bool standard = strcmp(path, "-") == 0, good;
	FILE *in = standard ? stdin : fopen(path, "re");

	if (in == NULL) {
		fault_errno(f, FAULT_NOINPUT, errno, "cannot be opened");
		fault_at(f, path, 0, 0);
		return false;
	}
	good = read_lines(in, path, targets, f);
	if (!standard)
		fclose(in);
	return good;
}

bool
probe_targets_collect(char *const *operands, const char *path,
    struct probe_targets *targets, struct fault *f)
{
	struct target target;

	for (; *operands != NULL; operands++)
		if (!target_parse(slice_of(*operands), &target, f) ||
		    !add_target(targets, *operands, f))
			return false;
	return path == NULL || read_file(path, targets, f);
}
