/* tlspolicy audit: finds the sub-command, which does the rest. */
#include <string.h>

#include "policy/commands/audit.h"
#include "policy/commands/word.h"

const struct command *const command_audit_table[] = {
	&command_audit_show,
	&command_audit_why,
	&command_audit_verify,
	&command_audit_head,
	&command_audit_key,
	&command_audit_prove,
	&command_audit_from_log,
	&command_audit_erase,
	NULL
};

static void
print_usage(FILE *out)
{
	fprintf(out, "usage: tlspolicy audit COMMAND [OPTIONS] [OPERANDS]\n\n");
	for (int i = 0; command_audit_table[i] != NULL; i++)
		fprintf(out, "tlspolicy %s %s: %s\n", command_audit_table[i]->name,
		    command_audit_table[i]->operands, command_audit_table[i]->summary);
}

static void
print_help(void)
{
	print_usage(stdout);
	for (int i = 0; command_audit_table[i] != NULL; i++)
		if (command_audit_table[i]->options != NULL) {
			printf("\nOptions of %s:\n", command_audit_table[i]->name);
			command_print_options(command_audit_table[i]->options);
		}
	printf("\nOptions of each:\n");
	command_print_options(NULL);
	printf("\nSee tlspolicy(1), tlspolicy-audit(5).\n");
}

/* NULL, having said why. */
static const struct command *
find(const struct context *context, const char *name)
{
	struct word word;

	word_start(&word, name);
	for (int i = 0; command_audit_table[i] != NULL; i++)
		if (word_is(&word, command_audit_table[i]->name + 6))
			return command_audit_table[i];
	word_refuse(&word, context, "a command of audit");
	return NULL;
}

static int
run(struct context *context, int argc, char **argv)
{
	int at = command_first_operand(argc, argv);
	char *name = at < argc ? argv[at] : NULL;
	const struct command *command;

	if (name == NULL && argc > 1 && (strcmp(argv[1], "--help") == 0 ||
	    strcmp(argv[1], "-h") == 0)) {
		print_help();
		return EXIT_FINE;
	}
	if (name == NULL) {
		print_usage(stderr);
		return FAULT_USAGE;
	}
	if ((command = find(context, name)) == NULL)
		return FAULT_USAGE;
	context->command = command;
	memmove(argv + 1, argv, (size_t)at * sizeof argv[0]);
	return context->command->run(context, argc - 1, argv + 1);
}

const struct command command_audit = {
	"audit", "show|why|verify|head|key|prove|from-log|erase ...",
	"Read, explain and verify the audit log", NULL, run,
	"tlspolicy-audit(5)"
};
