/*
 * options.h - the command line of tlspolicy-milter.
 */
#ifndef TLSPOLICY_OPTIONS_H
#define TLSPOLICY_OPTIONS_H

#include <stdbool.h>

struct options {
	const char *conf;  /* the settings file */
	bool conf_given;   /* by -c: then it must be there */
	bool test;	   /* -t */
	bool to_syslog;	   /* -s */
};

/* False: everything is said, exit with *status. */
bool options_parse(int argc, char **argv, struct options *, int *status);

#endif
