#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "policy/commands/memory.h"
#include "policy/commands/scratch.h"

enum { SCRATCH_PATH_MAX = 1024 };

static const char *
temporary_directory(void)
{
	const char *dir = getenv("TMPDIR");

	return dir != NULL && dir[0] == '/' ? dir : "/tmp";
}

static bool
edit_rules(const char *path, const struct scratch_edit *edit,
    const struct authorship *by, struct fault *f)
{
	struct store_info info;
	bool found;

	if (edit == NULL)
		return true;
	return (edit->set == NULL ||
	    rebuild_set(path, edit->set, by, NULL, NULL, f)) &&
	    (edit->ngone == 0 || rebuild_delete(path, edit->gone, edit->ngone,
	    by, &found, &info, f));
}

static struct store *
compile(const char *path, const struct rulefile *rules,
    const struct scratch_edit *edit, const struct authorship *by,
    struct fault *f)
{
	if (!rebuild_store(path, rules, by, REBUILD_SCRATCH, NULL, NULL, f) ||
	    !edit_rules(path, edit, by, f))
		return NULL;
	return store_open(path, f);
}

static struct store *
compile_and_remove(const struct rulefile *rules,
    const struct scratch_edit *edit, const struct authorship *by,
    struct fault *f)
{
	char dir[SCRATCH_PATH_MAX], path[SCRATCH_PATH_MAX + 16];
	char lock[SCRATCH_PATH_MAX + 24];
	struct store *store;
	int n;

	n = snprintf(dir, sizeof dir, "%s/tlspolicy.XXXXXX",
	    temporary_directory());
	if (n < 0 || (size_t)n >= sizeof dir || mkdtemp(dir) == NULL) {
		fault_errno(f, FAULT_IO, errno, "cannot make a directory in %s",
		    temporary_directory());
		return NULL;
	}
	snprintf(path, sizeof path, "%s/policy.mdb", dir);
	snprintf(lock, sizeof lock, "%s-lock", path);
	memory_scratch(dir);
	store = compile(path, rules, edit, by, f);
	memory_scratch(NULL);
	unlink(path);
	unlink(lock);
	rmdir(dir);
	return store;
}

static struct store *
open_by(const struct rulefile *rules, const struct scratch_edit *edit,
    const struct authorship *by, struct fault *f)
{
	sigset_t ending, before;
	struct store *store;

	sigemptyset(&ending);
	sigaddset(&ending, SIGHUP);
	sigaddset(&ending, SIGINT);
	sigaddset(&ending, SIGTERM);
	sigaddset(&ending, SIGPIPE);
	sigprocmask(SIG_BLOCK, &ending, &before);
	store = compile_and_remove(rules, edit, by, f);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return store;
}

struct store *
scratch_open(const struct rulefile *rules, struct fault *f)
{
	const struct authorship by = { .now = (int64_t)time(NULL) };

	return open_by(rules, NULL, &by, f);
}

struct store *
scratch_open_files(const struct context *context, char *const *paths,
    struct fault *f)
{
	struct store *store = NULL;
	struct rulefile rules;

	if (ruleset_read(context, paths, &rules, f))
		store = scratch_open(&rules, f);
	rulefile_free(&rules);
	return store;
}

struct store *
scratch_open_generation(const struct rulefile *rules, uint64_t number,
    int64_t made, struct fault *f)
{
	const struct authorship by = { .now = made, .number = number };

	return open_by(rules, NULL, &by, f);
}

struct store *
scratch_open_edited(const struct rulefile *rules,
    const struct scratch_edit *edit, struct fault *f)
{
	const struct authorship by = { .now = (int64_t)time(NULL) };

	return open_by(rules, edit, &by, f);
}
