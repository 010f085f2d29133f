/* tlspolicy build: rule files into the store, in one commit. */
#include <errno.h>
#include <getopt.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "policy/base/jsontext.h"
#include "policy/commands/difference.h"
#include "policy/commands/keep.h"
#include "policy/commands/progress.h"
#include "policy/store/rebuild.h"

static const struct command_option options[] = {
	{ 'n', "dry-run", NULL, "only check, and print what would change" },
	COMMAND_OPTION_JSON,
	{ 0, NULL, NULL, NULL }
};

static void
say_untagged(const struct rulefile *rules)
{
	if (rules->untagged > 0)
		fprintf(stderr, "%lu line%s without a tag: taken as a TLS_Clt "
		    "and a TLS_Srv rule each\n", rules->untagged,
		    rules->untagged == 1 ? "" : "s");
}

static int
compare(const struct context *context, const struct rulefile *rules, bool json)
{
	struct difference d;
	struct store_reader reader;
	struct store *store = NULL;
	struct fault f;
	bool good;

	/* Before the first build there is nothing, which is no mistake. */
	if (access(context->store, F_OK) == 0 || errno != ENOENT) {
		if (!command_open_store(context, &store, &reader, &f))
			return command_fail(&f);
	}
	good = difference_print(store == NULL ? NULL : &reader, rules, json,
	    &d, &f);
	if (store != NULL)
		command_close_store(store, &reader);
	if (!good)
		return command_fail(&f);
	fprintf(stderr, "%zu rules are good; a build of %s would remove %lu, "
	    "add %lu and change %lu\n", rules->n, context->store, d.removed,
	    d.added, d.changed);
	return EXIT_FINE;
}

static void
print_json(const struct context *context, const struct rulefile *rules,
    const struct store_info *info, bool unchanged)
{
	json_t *line = json_pack("{s:o, s:I, s:I, s:I, s:I, s:b}", "store",
	    jsontext_cstring(context->store), "generation",
	    (json_int_t)info->generation, "rules", (json_int_t)info->rules,
	    "untagged", (json_int_t)rules->untagged, "built_at",
	    (json_int_t)info->built_at, "unchanged", unchanged);

	json_dumpf(line, stdout,
	    JSON_ENSURE_ASCII | JSON_COMPACT);
	putchar('\n');
	json_decref(line);
}

/* A reader would say that there is no store; a writer wants to make one. */
static bool
folder_is_there(const char *store, struct fault *f)
{
	const char *slash = strrchr(store, '/');
	char folder[SETTINGS_STRING_MAX];

	snprintf(folder, sizeof folder, "%.*s", slash == NULL ? 1 :
	    (int)(slash - store + 1), slash == NULL ? "." : store);
	if (access(folder, F_OK) == 0)
		return true;
	return fault_errno(f, FAULT_IO, errno, "cannot make %s: %s", store,
	    folder);
}

/* A store that cannot be read counts as changed: it is built anew. */
static bool
is_unchanged(const struct context *context, const struct rulefile *rules,
    struct store_info *info)
{
	struct store_reader reader;
	struct store *store;
	struct fault f;
	bool same;

	if (access(context->store, F_OK) != 0 ||
	    !command_open_store(context, &store, &reader, &f))
		return false;
	*info = reader.info;
	same = difference_is_none(&reader, rules, true);
	command_close_store(store, &reader);
	return same;
}

static int
build(const struct context *context, const struct rulefile *rules,
    struct keep *keep, bool json)
{
	struct store_info info;
	struct fault f;
	bool good;

	if (is_unchanged(context, rules, &info)) {
		command_say_unchanged(context, &info);
		if (json)
			print_json(context, rules, &info, true);
		return EXIT_FINE;
	}
	if (!folder_is_there(context->store, &f) ||
	    !command_enter_folder(context, &f) ||
	    !keep_lock(context, keep, &f))
		return command_fail(&f);
	progress_start("rules go into the store", &rules->n);
	good = rebuild_store(context->store, rules, (int64_t)time(NULL),
	    REBUILD_DURABLE, &info, &f);
	progress_stop();
	if (!good)
		return command_fail(&f);
	command_say_generation(context, &info);
	if (json)
		print_json(context, rules, &info, false);
	return EXIT_FINE;
}

static int
run(struct context *context, int argc, char **argv)
{
	bool dry = false, json = false;
	struct rulefile rules;
	struct keep keep;
	struct fault f;
	int c, status;

	while ((c = command_getopt(context, argc, argv, &status)) != -1) {
		switch (c) {
		case 'n':
			dry = true;
			break;
		case OPTION_JSON:
			json = true;
			break;
		default:
			return status;
		}
	}
	if (!ruleset_read(context, argv + optind, &rules, &f)) {
		status = command_fail(&f);
		if (f.kind == FAULT_DATA)
			fprintf(stderr, "%s is left as it was\n",
			    context->store);
	} else {
		if (!keep_begin(context, &keep, &f) ||
		    !keep_rules(context, &keep, &rules, &f))
			status = command_fail(&f);
		else
			status = dry ? compare(context, &rules, json) :
			    build(context, &rules, &keep, json);
		keep_end(&keep);
		if (status == EXIT_FINE)
			say_untagged(&rules);
	}
	rulefile_free(&rules);
	return status;
}

const struct command command_build = {
	"build", "[RULES...]", "Compile rules into the store, in one commit",
	options, run,
	"tlspolicy-rules(5)"
};
