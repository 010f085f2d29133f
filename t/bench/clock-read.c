/*
 * clock-read [-s EARLIER] FILE: what callback-clock.so has measured so far, as
 * JSON.  With -s only what came after EARLIER, a copy of the file.
 */
#include <err.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "t/bench/stats.h"

static const char *const names[] = { "mail", "rcpt", "eom", "close" };

#define CLOCKS (sizeof(names) / sizeof(names[0]))

static void
read_clocks(struct stats *clocks, const char *path)
{
	FILE *f = fopen(path, "rb");

	if (f == NULL || fread(clocks, sizeof(*clocks), CLOCKS, f) != CLOCKS)
		err(EX_NOINPUT, "%s", path);
	fclose(f);
}

/* max cannot be told apart; it stays that of the whole time. */
static void
subtract(struct stats *s, const struct stats *earlier)
{
	s->count -= earlier->count;
	s->sum -= earlier->sum;
	for (unsigned n = 0; n < STATS_BUCKETS; n++)
		s->bucket[n] -= earlier->bucket[n];
}

int
main(int argc, char **argv)
{
	static struct stats now[CLOCKS], earlier[CLOCKS];
	int option;

	while ((option = getopt(argc, argv, "s:")) != -1) {
		if (option != 's')
			return EX_USAGE;
		read_clocks(earlier, optarg);
	}
	if (optind + 1 != argc)
		errx(EX_USAGE, "usage: clock-read [-s EARLIER] FILE");
	read_clocks(now, argv[optind]);
	for (size_t n = 0; n < CLOCKS; n++) {
		subtract(&now[n], &earlier[n]);
		printf("%s\"%s\":", n == 0 ? "{" : ",", names[n]);
		stats_print(&now[n], stdout);
	}
	printf("}\n");
	return EX_OK;
}
