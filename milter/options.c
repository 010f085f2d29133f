#include <getopt.h>
#include <stdio.h>
#include <sysexits.h>
#include <unistd.h>

#include "config.h"
#include "milter/options.h"
#include "policy/policy.h"

static const char usage[] =
    "usage: tlspolicy-milter [-hstV] [-c CONF]\n";

static const char help[] =
    "  -c CONF        settings file\n"
    "                 (default " SETTINGS_DEFAULT_FILE ")\n"
    "  -s             messages to syslog instead of standard error\n"
    "  -t             check the settings, say what the daemon would do, exit\n"
    "  -V, --version  print the version and exit\n"
    "  -h, --help     print this and exit\n"
    "The daemon stays in the foreground.  HUP: read the settings again, open\n"
    "the audit file anew.  TERM: stop.  See tlspolicy-milter(8).\n";

static const struct option words[] = {
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 }
};

static bool
stop(int *status, int value)
{
	*status = value;
	return false;
}

bool
options_parse(int argc, char **argv, struct options *o, int *status)
{
	int c;

	*o = (struct options){ .conf = SETTINGS_DEFAULT_FILE };
	while ((c = getopt_long(argc, argv, "c:hstV", words, NULL)) != -1) {
		switch (c) {
		case 'c':
			o->conf = optarg;
			o->conf_expected = true;
			break;
		case 's':
			o->to_syslog = true;
			break;
		case 't':
			o->test = true;
			break;
		case 'V':
			printf("tlspolicy-milter %s\n", PACKAGE_VERSION);
			return stop(status, EX_OK);
		case 'h':
			printf("%s%s", usage, help);
			return stop(status, EX_OK);
		default:
			fputs(usage, stderr);
			return stop(status, EX_USAGE);
		}
	}
	if (optind == argc)
		return true;
	fprintf(stderr, "tlspolicy-milter: unexpected argument \"%s\"\n%s",
	    argv[optind], usage);
	return stop(status, EX_USAGE);
}
