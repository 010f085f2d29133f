/* tlspolicy rollback: the rules of an older generation, as a new one. */
#include <getopt.h>
#include <string.h>

#include "policy/commands/again.h"
#include "policy/commands/author.h"
#include "policy/commands/generation.h"
#include "policy/commands/keep.h"
#include "policy/commands/ruleset.h"
#include "policy/store/rebuild.h"

static const struct command_option options[] = {
	AUTHOR_OPTION_MESSAGE,
	{ 0, NULL, NULL, NULL }
};

static void
say_setting(void *arg, struct slice name, struct slice then, struct slice now)
{
	const struct generation *g = arg;

	command_say("setting %.*s was %.*s in generation %llu, and stays %.*s",
	    SLICE_ARG(name), SLICE_ARG(then), (unsigned long long)g->number,
	    SLICE_ARG(now));
}

/* The rules of a kept generation, by the grammar of today. */
static bool
read_old(const struct context *context, uint64_t number,
    struct rulefile *rules, struct fault *f)
{
	struct store_reader reader;
	struct rulefile old;
	struct generation g;
	struct slice now;
	struct store *store;
	char name[40];
	bool good;

	if (!command_open_store(context, &store, &reader, f))
		return false;
	snprintf(name, sizeof name, "generation %llu",
	    (unsigned long long)number);
	good = history_rules(&reader, number, &old, &g, f) &&
	    again_parse(rules, &old, name, f);
	if (good && store_settings(&reader, &now) == LOOKUP_FOUND)
		generation_settings(g.settings, now, say_setting, &g);
	rulefile_free(&old);
	command_close_store(store, &reader);
	return good;
}

static int
roll_back(const struct context *context, uint64_t number,
    struct author *author, struct rulefile *rules)
{
	struct store_info info;
	struct keep keep;
	struct fault f;
	bool changed, good;

	author->by.back_to = number;
	/*
	 * The claims of today, read first: opening the store may end root's
	 * rights to read them.
	 */
	good = keep_begin(context, &keep, &f) &&
	    read_old(context, number, rules, &f) &&
	    keep_rules(context, &keep, rules, &f) &&
	    command_enter_folder(context, &f) &&
	    keep_lock(context, &keep, &f) &&
	    rebuild_store(context->store, rules, &author->by,
	    REBUILD_DURABLE, &info, &changed, &f);
	keep_end(&keep);
	if (!good)
		return command_fail(&f);
	command_say_generation(context, &info, changed);
	author_say_followed(context);
	ruleset_say_unasked(ruleset_unasked(context, rules));
	return EXIT_FINE;
}

static int
run(struct context *context, int argc, char **argv)
{
	const char *message = NULL;
	struct rulefile rules;
	struct author author;
	uint64_t number;
	struct fault f;
	int c, status;

	while ((c = command_getopt(context, argc, argv, &status)) != -1) {
		if (c != 'm')
			return status;
		message = optarg;
	}
	if (!command_operands(context, argc - optind, 1, 1))
		return FAULT_USAGE;
	if (!generation_number(slice_of(argv[optind]), &number))
		return command_usage(context, "\"%s\" is not the number of a "
		    "generation, as `tlspolicy log' has it", argv[optind]);
	if (!author_init(&author, context, GENERATION_ROLLBACK, message, &f))
		return command_fail(&f);
	rulefile_init(&rules, command_report_fault, NULL);
	rules.as_sendmail = context->settings.compat == COMPAT_SENDMAIL;
	status = roll_back(context, number, &author, &rules);
	rulefile_free(&rules);
	return status;
}

const struct command command_rollback = {
	"rollback", "GENERATION", "Put the rules of an older generation back",
	options, run,
	"tlspolicy-rules(5)"
};
