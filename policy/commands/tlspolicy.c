/*
 * main() of tlspolicy: finds the command and runs it.
 *
 * Output that could not be written is an error of its own: a truncated list
 * of rules must not pass for a whole one.
 */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "policy/base/nearest.h"
#include "policy/base/stdfile.h"
#include "policy/commands/command.h"
#include "policy/commands/memory.h"

static void
print_help(void)
{
	printf("usage: tlspolicy COMMAND [OPTIONS] [OPERANDS]\n"
	    "       tlspolicy help [COMMAND] | -h, --help | --table | -V, --version\n"
	    "TLS policy for sendmail and Postfix: build, check, explain.\n\n");
	for (int i = 0; command_table[i] != NULL; i++)
		printf("    %-10s %s\n", command_table[i]->name,
		    command_table[i]->summary);
	printf("\n`tlspolicy help COMMAND' tells the options of a command.  "
	    "See tlspolicy(1).\n");
}

static const struct command *
find_command(const char *name)
{
	char hint_text[80];
	struct nearest nearest;
	struct text hint;

	nearest_init(&nearest, slice_of(name));
	nearest_offer(&nearest, slice_of("help"));
	for (int i = 0; command_table[i] != NULL; i++) {
		if (strcmp(command_table[i]->name, name) == 0)
			return command_table[i];
		nearest_offer(&nearest, slice_of(command_table[i]->name));
	}
	text_init(&hint, hint_text, sizeof hint_text);
	nearest_print(&nearest, &hint);
	fprintf(stderr, "tlspolicy: there is no command \"%s\"%s\n"
	    "Try `tlspolicy --help'.\n", name, hint.buf);
	return NULL;
}

/* `help audit show' is `audit show --help'. */
static void
turn_help(int argc, char **argv)
{
	static char option[] = "--help";

	memmove(argv + 1, argv + 2, (size_t)(argc - 2) * sizeof argv[0]);
	argv[argc - 1] = option;
}

static int
run(int argc, char **argv)
{
	struct context context = { .command = NULL };

	if (argc < 2) {
		fprintf(stderr, "tlspolicy: which command?\n"
		    "Try `tlspolicy --help'.\n");
		return FAULT_USAGE;
	}
	if (strcmp(argv[1], "help") == 0)
		turn_help(argc, argv);
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
	    strcmp(argv[1], "help") == 0) {
		print_help();
		return EXIT_FINE;
	}
	if (strcmp(argv[1], "--table") == 0) {
		command_print_table();
		return EXIT_FINE;
	}
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
		printf("tlspolicy %s\n", PACKAGE_VERSION);
		return EXIT_FINE;
	}
	context.command = find_command(argv[1]);
	if (context.command == NULL)
		return FAULT_USAGE;
	return context.command->run(&context, argc - 1, argv + 1);
}

int
main(int argc, char **argv)
{
	int status;

	if (!stdfile_keep())
		return FAULT_IO;
	/* A file beyond ulimit -f is an error like a full disk. */
	signal(SIGXFSZ, SIG_IGN);
	memory_watch();
	status = run(argc, argv);
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	fprintf(stderr, "tlspolicy: cannot write the output: %s\n",
	    strerror(errno));
	return FAULT_IO;
}
