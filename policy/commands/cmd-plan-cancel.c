/* tlspolicy plan cancel: there is no plan any more, whatever state it is in. */
#include <errno.h>
#include <getopt.h>
#include <sys/stat.h>

#include "policy/commands/plan.h"
#include "policy/commands/planning.h"

static int
run(struct context *context, int argc, char **argv)
{
	char path[PLAN_PATH_MAX];
	struct fault f;
	struct stat st;
	int c, status;

	while ((c = command_getopt(context, argc, argv, &status)) != -1)
		return status;
	if (!command_operands(context, argc - optind, 0, 0))
		return FAULT_USAGE;
	if (!plan_path(context->store, path) ||
	    (lstat(path, &st) == -1 && errno == ENOENT)) {
		command_say("there is no plan");
		return FAULT_NOINPUT;
	}
	if (!command_enter_folder(context, &f) || !plan_remove(path, &f))
		return command_fail(&f);
	command_say("%s: cancelled", path);
	return EXIT_FINE;
}

const struct command command_plan_cancel = {
	"plan cancel", "", "Give the plan up", NULL, run,
	"tlspolicy-plan(1)"
};
