/*
 * options.h - the command line of tlspolicy-milter.
 */
#ifndef TLSPOLICY_OPTIONS_H
#define TLSPOLICY_OPTIONS_H

#include <stdbool.h>

struct options {
	const char *conf;  /* the settings file */
	/* a missing `conf` is an error: named by -c, or there before a HUP */
	bool conf_expected;
	bool test;	   /* -t */
	bool to_syslog;	   /* -s */
};

/* False: everything is said, exit with *status. */
bool options_parse(int argc, char **argv, struct options *, int *status);

#endif
