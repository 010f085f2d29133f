/* mkrules [-s SEED] COUNT: a rules file of COUNT lines on standard output. */
#include <err.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "t/bench/rules.h"

int
main(int argc, char **argv)
{
	uint64_t seed = 1, count;
	char key[RULES_NAME], *end;
	int option;

	while ((option = getopt(argc, argv, "s:")) != -1) {
		if (option != 's')
			errx(EX_USAGE, "usage: mkrules [-s SEED] COUNT");
		seed = strtoull(optarg, NULL, 10);
	}
	if (optind + 1 != argc)
		errx(EX_USAGE, "usage: mkrules [-s SEED] COUNT");
	count = strtoull(argv[optind], &end, 10);
	if (*end != '\0' || count == 0 || count > RULES_MAX)
		errx(EX_USAGE, "COUNT: want 1 to %u", RULES_MAX);
	for (uint32_t i = 0; i < count; i++) {
		rules_key(seed, i, key);
		printf("%s\t%s\n", key, rules_requirement(seed, i));
	}
	if (fflush(stdout) != 0)
		err(EX_IOERR, "standard output");
	return EX_OK;
}
