/* tlspolicy diff: what a build would change. */
#include <getopt.h>

#include "policy/commands/difference.h"

static const struct command_option options[] = {
	COMMAND_OPTION_JSON,
	{ 0, NULL, NULL, NULL }
};

static int
compare(const struct context *context, const struct rulefile *rules, bool json)
{
	struct difference d;
	struct store_reader reader;
	struct store *store;
	struct fault f;
	bool good;

	if (!command_open_store(context, &store, &reader, &f))
		return command_fail(&f);
	good = difference_print(&reader, rules, json, &d, &f);
	command_close_store(store, &reader);
	if (!good)
		return command_fail(&f);
	return d.removed + d.added + d.changed > 0 ? EXIT_FINDINGS : EXIT_FINE;
}

static int
run(struct context *context, int argc, char **argv)
{
	struct rulefile rules;
	struct fault f;
	bool json = false;
	int c, status;

	while ((c = command_getopt(context, argc, argv, &status)) != -1) {
		if (c != OPTION_JSON)
			return status;
		json = true;
	}
	if (ruleset_read(context, argv + optind, &rules, &f))
		status = compare(context, &rules, json);
	else
		status = command_fail(&f);
	rulefile_free(&rules);
	return status;
}

const struct command command_diff = {
	"diff", "[RULES...]", "Show what building RULES would change", options,
	run,
	NULL
};
