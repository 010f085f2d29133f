/*
 * options.h - the command line of tlspolicy-milter.
 */
#ifndef TLSPOLICY_OPTIONS_H
#define TLSPOLICY_OPTIONS_H

#include <stdbool.h>

struct options {
	const char *conf;  /* the settings file */
	/* `conf` was named by -c: a missing file is an error */
	bool conf_given;
	bool test;	   /* -t */
	bool to_syslog;	   /* -s */
};

/* False: everything is said, exit with *status. */
bool options_parse(int argc, char **argv, struct options *, int *status);

#endif
