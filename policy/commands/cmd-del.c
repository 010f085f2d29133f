/* tlspolicy del: the rules of one key out of the store. */
#include <getopt.h>
#include <time.h>

#include "policy/commands/command.h"
#include "policy/commands/using.h"
#include "policy/store/rebuild.h"

static const struct command_option options[] = {
	{ 'i', "if-exists", NULL, "a key without rules is no finding" },
	{ 0, NULL, NULL, NULL }
};

/* mdb_env_open() would create a missing store: del must not. */
static bool
may_go(const struct context *context, const struct key *keys, size_t n,
    struct fault *f)
{
	struct store_reader reader;
	struct store *store;
	bool good = true;

	if (!command_open_store(context, &store, &reader, f))
		return false;
	for (size_t i = 0; good && i < n; i++)
		good = using_is_free(&reader, &keys[i], f);
	command_close_store(store, &reader);
	return good;
}

static int
delete(const struct context *context, const char *word, bool if_exists)
{
	struct key keys[COMMAND_KEYS_MAX];
	struct store_info info;
	struct fault f;
	uint64_t removed;
	size_t n;

	if (!command_keys(slice_of(word), keys, &n, &f) ||
	    !may_go(context, keys, n, &f) ||
	    !rebuild_delete(context->store, keys, n, (int64_t)time(NULL),
	    &removed, &info, &f))
		return command_fail(&f);
	if (removed == 0 && if_exists)
		return EXIT_FINE;
	if (removed == 0) {
		command_say("there is no rule for %s", word);
		return EXIT_FINDINGS;
	}
	command_say("%llu line%s of %s removed", (unsigned long long)removed,
	    removed == 1 ? "" : "s", word);
	command_say_generation(context, &info);
	return EXIT_FINE;
}

static int
run(struct context *context, int argc, char **argv)
{
	bool if_exists = false;
	int c, status;

	while ((c = command_getopt(context, argc, argv, &status)) != -1) {
		if (c != 'i')
			return status;
		if_exists = true;
	}
	if (!command_operands(context, argc - optind, 1, 1))
		return FAULT_USAGE;
	return delete(context, argv[optind], if_exists);
}

const struct command command_del = {
	"del", "KEY", "Take a key's rules out of the store", options, run,
	NULL
};
