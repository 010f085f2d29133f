/* tlspolicy set: one rule into the store, in place of its key's. */
#include <getopt.h>
#include <time.h>

#include "policy/commands/command.h"
#include "policy/store/rebuild.h"

static bool
set(const struct context *context, struct rulefile *rules, const char *key,
    const char *requirement, struct fault *f)
{
	struct store_info info;

	if (!rulefile_add(rules, slice_trim(slice_of(key)),
	    slice_trim(slice_of(requirement)), 0, f))
		return false;
	if (!rebuild_set(context->store, rules, (int64_t)time(NULL), &info, f))
		return false;
	fprintf(stderr, "%s: generation %llu, %llu rules\n", context->store,
	    (unsigned long long)info.generation,
	    (unsigned long long)info.rules);
	return true;
}

static int
run(struct context *context, int argc, char **argv)
{
	struct rulefile rules;
	struct fault f;
	int c, status;

	while ((c = command_getopt(context, argc, argv, &status)) != -1)
		return status;
	if (!command_operands(context, argc - optind, 2, 2))
		return FAULT_USAGE;
	rulefile_init(&rules, command_report, NULL);
	status = set(context, &rules, argv[optind], argv[optind + 1], &f) ?
	    EXIT_FINE : command_fail(&f);
	rulefile_free(&rules);
	return status;
}

const struct command command_set = {
	"set", "KEY REQUIREMENT", "Put one rule into the store", NULL, run
};
