/*
 * mkrules [-p] [-s SEED] COUNT: a rules file of COUNT lines on standard output;
 * -p: its senders name one of twelve profiles, which are lines more.
 */
#include <err.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "t/bench/rules.h"

enum { PROFILES = 12 };

static void
print_profiles(void)
{
	for (int i = 0; i < PROFILES; i++)
		printf("Profile:p%d\tPERM+VERIFY:128+VER:1.2++PFS\n", i);
}

static void
print_rule(uint64_t seed, uint32_t i, bool profiles)
{
	static const char from[] = "TLS_From:";
	char key[RULES_NAME];

	rules_key(seed, i, key);
	if (profiles && strncmp(key, from, sizeof from - 1) == 0)
		printf("%s\tAS:p%u++CLIENT:198.51.100.0/24\n", key,
		    i % PROFILES);
	else
		printf("%s\t%s\n", key, rules_requirement(seed, i));
}

int
main(int argc, char **argv)
{
	uint64_t seed = 1, count;
	bool profiles = false;
	int option;
	char *end;

	while ((option = getopt(argc, argv, "ps:")) != -1) {
		if (option == 'p')
			profiles = true;
		else if (option == 's')
			seed = strtoull(optarg, NULL, 10);
		else
			errx(EX_USAGE, "usage: mkrules [-p] [-s SEED] COUNT");
	}
	if (optind + 1 != argc)
		errx(EX_USAGE, "usage: mkrules [-p] [-s SEED] COUNT");
	count = strtoull(argv[optind], &end, 10);
	if (*end != '\0' || count == 0 || count > RULES_MAX)
		errx(EX_USAGE, "COUNT: want 1 to %u", RULES_MAX);
	if (profiles)
		print_profiles();
	for (uint32_t i = 0; i < count; i++)
		print_rule(seed, i, profiles);
	if (fflush(stdout) != 0)
		err(EX_IOERR, "standard output");
	return EX_OK;
}
