/* tlspolicy diff: what a build would change. */
#include <getopt.h>

#include "policy/commands/difference.h"
#include "policy/commands/generation.h"
#include "policy/commands/remote.h"

static const struct command_option options[] = {
	{ OPTION_GENERATION, "generation", "RANGE",
	    "between two generations, 41..45, or since one, 41" },
	REMOTE_OPTION,
	COMMAND_OPTION_JSON,
	{ 0, NULL, NULL, NULL }
};

static int
compare(const struct context *context, const struct rulefile *rules, bool json)
{
	struct difference d;
	struct store_reader reader;
	struct store *store;
	struct fault f;
	bool good;

	if (!command_open_store(context, &store, &reader, &f))
		return command_fail(&f);
	good = difference_print(&reader, rules, json, &d, &f);
	command_close_store(store, &reader);
	if (!good)
		return command_fail(&f);
	return d.removed + d.added + d.changed > 0 ? EXIT_FINDINGS : EXIT_FINE;
}

/*
 * Compares with a directory.  Entries that are no rule are a difference, too.
 */
static int
compare_remote(const struct context *context, const struct rulefile *rules,
    bool json)
{
	struct remote remote = { .broken = false };
	size_t changes = 0;
	struct fault f;
	bool good = remote_open(context, &remote, &f) &&
	    remote_compare(&remote, rules, json, &changes, &f);

	remote_close(&remote);
	if (!good)
		return command_fail(&f);
	return changes > 0 ? EXIT_FINDINGS : EXIT_FINE;
}

/* "41", "41..45", "41.." */
static bool
parse_range(struct slice word, uint64_t *from, uint64_t *to)
{
	size_t dot = slice_find(word, '.');
	struct slice rest = slice_from(word, dot);

	*to = 0;
	if (!generation_number(slice_make(word.p, dot), from))
		return false;
	return rest.n == 0 || (rest.n >= 2 && rest.p[1] == '.' &&
	    (rest.n == 2 || generation_number(slice_from(rest, 2), to)));
}

static bool
compare_kept(struct store_reader *reader, uint64_t from, uint64_t to,
    bool json, struct difference *d, struct fault *f)
{
	struct rulefile old, new;
	struct generation was, is;
	bool good;

	good = history_rules(reader, from, &old, &was, f);
	if (good) {
		good = history_rules(reader, to, &new, &is, f) &&
		    difference_of_generations(&old, was.settings, &new,
		    is.settings, json, d, f);
		rulefile_free(&new);
	}
	rulefile_free(&old);
	return good;
}

static int
compare_generations(const struct context *context, const char *range,
    bool json)
{
	struct store_reader reader;
	struct difference d;
	struct store *store;
	uint64_t from, to;
	struct fault f;
	bool good;

	if (!parse_range(slice_of(range), &from, &to))
		return command_usage(context, "\"%s\" is not the number of a "
		    "generation, nor two of them as 41..45", range);
	if (!command_open_store(context, &store, &reader, &f))
		return command_fail(&f);
	good = compare_kept(&reader, from, to == 0 ? reader.info.generation :
	    to, json, &d, &f);
	command_close_store(store, &reader);
	if (!good)
		return command_fail(&f);
	return d.removed + d.added + d.changed + d.settings > 0 ?
	    EXIT_FINDINGS : EXIT_FINE;
}

static int
run(struct context *context, int argc, char **argv)
{
	const char *range = NULL;
	struct rulefile rules;
	struct fault f;
	bool json = false, ldap = false;
	int c, status;

	while ((c = command_getopt(context, argc, argv, &status)) != -1) {
		if (c == OPTION_GENERATION)
			range = optarg;
		else if (c == OPTION_JSON)
			json = true;
		else if (c == OPTION_LDAP)
			ldap = true;
		else
			return status;
	}
	if (range != NULL && ldap)
		return command_usage(context, "--generation compares what the "
		    "store keeps, not a directory");
	if (range != NULL && optind < argc)
		return command_usage(context, "--generation compares what the "
		    "store keeps: it takes no rule files");
	if (range != NULL)
		return compare_generations(context, range, json);
	if (ruleset_read(context, argv + optind, &rules, &f))
		status = ldap ? compare_remote(context, &rules, json) :
		    compare(context, &rules, json);
	else
		status = command_fail(&f);
	rulefile_free(&rules);
	return status;
}

const struct command command_diff = {
	"diff", "[RULES...]", "Show what building RULES would change", options,
	run,
	NULL
};
