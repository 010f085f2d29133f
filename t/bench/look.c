/*
 * look [-s SEED] STORE RULES COUNT: nanoseconds of one look-up of a key that is
 * there, one line each: "hot", the same key once more, and "cold", after so much
 * else was read that the processor's caches have nothing of the store.
 */
#include <err.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "policy/store/store.h"
#include "t/bench/random.h"
#include "t/bench/rules.h"

enum { FLUSH_BYTES = 192 << 20, LINE = 64 };

static unsigned char *flush_with;

static void
flush_caches(void)
{
	for (size_t i = 0; i < FLUSH_BYTES; i += LINE)
		flush_with[i]++;
}

static int64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int64_t
look(struct store_reader *reader, const struct key *key)
{
	int64_t before = now_ns();
	struct slice rules;
	struct stored_rule rule;

	if (store_get(reader, key, &rules) != LOOKUP_FOUND ||
	    !store_next(reader, &rules, &rule))
		errx(EX_DATAERR, "a rule is not there");
	return now_ns() - before;
}

static void
measure(struct store *store, uint64_t seed, uint32_t i)
{
	struct store_reader reader;
	char text[RULES_NAME];
	struct fault fault;
	struct key key;

	rules_key(seed, i, text);
	if (!key_parse(slice_of(text), &key, &fault) ||
	    !store_begin(store, &reader, &fault))
		errx(EX_DATAERR, "%s", fault.text);
	flush_caches();
	printf("cold %" PRId64 "\n", look(&reader, &key));
	printf("hot %" PRId64 "\n", look(&reader, &key));
	store_end(&reader);
}

int
main(int argc, char **argv)
{
	uint64_t seed = 1;
	struct store *store;
	struct fault fault;
	uint32_t rules;
	int option;

	while ((option = getopt(argc, argv, "s:")) != -1) {
		if (option != 's')
			return EX_USAGE;
		seed = strtoull(optarg, NULL, 10);
	}
	if (optind + 3 != argc)
		errx(EX_USAGE, "usage: look [-s SEED] STORE RULES COUNT");
	rules = (uint32_t)strtoul(argv[optind + 1], NULL, 10);
	if (rules == 0 || rules > RULES_MAX)
		errx(EX_USAGE, "RULES: want 1 to %u", RULES_MAX);
	if ((flush_with = calloc(1, FLUSH_BYTES)) == NULL)
		err(EX_OSERR, NULL);
	if ((store = store_open(argv[optind], &fault)) == NULL)
		errx(EX_NOINPUT, "%s", fault.text);
	for (unsigned long n = strtoul(argv[optind + 2], NULL, 10); n > 0; n--)
		measure(store, seed, (uint32_t)(random_at(seed, n) % rules));
	store_close(store);
	free(flush_with);
	return 0;
}
