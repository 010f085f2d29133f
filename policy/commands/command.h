/*
 * command.h - the sub-commands of tlspolicy, one file and one row each.
 *
 * To add a command: cmd-NAME.c with its row's functions, the row in command.c,
 * a section in tlspolicy(1).
 */
#ifndef TLSPOLICY_COMMAND_H
#define TLSPOLICY_COMMAND_H

#include <stdbool.h>
#include <stdio.h>

#include "policy/base/fault.h"
#include "policy/conf/settings.h"

/* Exit codes; see sysexits(3) and tlspolicy(1). */
enum {
	EXIT_ACCEPT = 0,
	EXIT_FINDINGS = 1, /* lint, cert, replay: something was found */
	EXIT_TEMPFAIL = 75,
	EXIT_REJECT = 77,
	EXIT_HOLD = 79
};

/* What every command gets: -c and -d are taken care of before it runs. */
struct context {
	struct settings settings; /* of -c CONF or the default file */
	const char *store;	  /* -d STORE, else the setting */
};

struct command {
	const char *name;
	const char *synopsis; /* "[-n] [RULES...]", without -c and -d */
	const char *summary;  /* one line */
	const char *options;  /* for getopt(3), without c: d: and h */
	/*
	 * argv[0] is the command's name.  optind and getopt() are at the
	 * start; returns the exit code, having reported its faults.
	 */
	int (*run)(struct context *, int argc, char **argv);
};

/* All rows; the end has name NULL. */
extern const struct command *const command_table[];

/*
 * getopt() for commands: also takes -c, -d (remembered by the context) and
 * -h/--help.  Returns as getopt() does; -2: stop and return *status.
 */
int command_getopt(struct context *, int argc, char **argv, int *status);

/* Reports `f` on standard error; returns its kind as the exit code. */
int command_fail(const struct fault *f);
/* A usage error: says what, points to --help; returns 64. */
int command_usage(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
