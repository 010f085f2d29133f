/* tlspolicy set: one rule into the store, in place of its key's. */
#include <getopt.h>
#include <string.h>
#include <time.h>

#include "policy/commands/command.h"
#include "policy/store/rebuild.h"

/* The two operands as the one line of a rule file called "set". */
static bool
parse(struct rulefile *rules, const char *key, const char *requirement,
    struct fault *f)
{
	char line_text[RULEFILE_LINE_MAX + 2];
	struct text line;

	text_init(&line, line_text, sizeof line_text);
	text_printf(&line, "%s %s", key, requirement);
	if (strpbrk(line.buf, "\r\n") != NULL || key[0] == '#' || line.cut)
		return fault_set(f, FAULT_DATA, "expected one rule of at most "
		    "%d bytes", RULEFILE_LINE_MAX);
	rules->partial = true;
	if (!rulefile_read_text(rules, slice_make(line.buf, line.n), "set", f))
		return false;
	return rulefile_finish(rules) ||
	    fault_set(f, FAULT_DATA, "the rule is not set");
}

static int
set(const struct context *context, struct rulefile *rules, char **operands)
{
	struct store_info info;
	struct fault f;

	if (!parse(rules, operands[0], operands[1], &f) ||
	    !rebuild_set(context->store, rules, (int64_t)time(NULL), &info,
	    &f))
		return command_fail(&f);
	command_say_generation(context, &info);
	return EXIT_FINE;
}

static int
run(struct context *context, int argc, char **argv)
{
	struct rulefile rules;
	int c, status;

	while ((c = command_getopt(context, argc, argv, &status)) != -1)
		return status;
	if (!command_operands(context, argc - optind, 2, 2))
		return FAULT_USAGE;
	rulefile_init(&rules, command_report_fault, NULL);
	status = set(context, &rules, argv + optind);
	rulefile_free(&rules);
	return status;
}

const struct command command_set = {
	"set", "KEY REQUIREMENT", "Put one rule into the store", NULL, run
};
