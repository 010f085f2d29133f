/* tlspolicy settings: what is in force, and what each setting is for. */
#include <getopt.h>

#include "policy/commands/command.h"
#include "policy/conf/settings-print.h"

static const struct command_option options[] = {
	{ 'v', "verbose", NULL, "with what each is for, as a file to edit" },
	COMMAND_OPTION_JSON,
	{ 0, NULL, NULL, NULL }
};

static int
print_some(const struct settings *settings, bool help, char **names)
{
	struct fault f;

	for (; *names != NULL; names++)
		if (!settings_print_one(settings, slice_of(*names), stdout,
		    help, &f))
			return command_fail(&f);
	return EXIT_FINE;
}

static int
run(struct context *context, int argc, char **argv)
{
	bool help = false, json = false;
	int c, status;

	while ((c = command_getopt(context, argc, argv, &status)) != -1) {
		switch (c) {
		case 'v':
			help = true;
			break;
		case OPTION_JSON:
			json = true;
			break;
		default:
			return status;
		}
	}
	if (json && optind < argc)
		return command_usage(context, "--json prints all settings");
	if (context->no_settings_file)
		fprintf(stderr, "tlspolicy: there is no %s, these are the "
		    "defaults\n", context->conf);
	if (optind < argc)
		return print_some(&context->settings, help, argv + optind);
	if (json)
		settings_print_json(&context->settings, stdout);
	else
		settings_print(&context->settings, stdout, help);
	return EXIT_FINE;
}

const struct command command_settings = {
	"settings", "[NAME...]", "Print the settings in force", options, run,
	"tlspolicy.conf(5)"
};
