/* tlspolicy del: the rules of one key out of the store. */
#include <getopt.h>
#include <time.h>

#include "policy/commands/keep.h"
#include "policy/store/rebuild.h"

static const struct command_option options[] = {
	{ 'i', "if-exists", NULL, "a key without rules is no finding" },
	{ 0, NULL, NULL, NULL }
};

/* mdb_env_open() would create a missing store: del must not. */
static bool
store_is_there(const struct context *context, struct fault *f)
{
	struct store *store = command_store(context, f);

	if (store == NULL)
		return false;
	store_close(store);
	return true;
}

static int
delete(const struct context *context, struct keep *keep, const char *word,
    bool if_exists)
{
	struct key keys[COMMAND_KEYS_MAX];
	struct store_info info;
	struct fault f;
	bool found;
	size_t n;

	if (!command_keys(slice_of(word), keys, &n, &f) ||
	    !store_is_there(context, &f) ||
	    !keep_edit(context, keep, NULL, keys, n, &f) ||
	    !rebuild_delete(context->store, keys, n, (int64_t)time(NULL),
	    &found, &info, &f))
		return command_fail(&f);
	if (!found && if_exists)
		return EXIT_FINE;
	if (!found) {
		command_say("there is no rule for %s", word);
		return EXIT_FINDINGS;
	}
	command_say_generation(context, &info);
	return EXIT_FINE;
}

static int
run(struct context *context, int argc, char **argv)
{
	bool if_exists = false;
	struct keep keep;
	struct fault f;
	int c, status;

	while ((c = command_getopt(context, argc, argv, &status)) != -1) {
		if (c != 'i')
			return status;
		if_exists = true;
	}
	if (!command_operands(context, argc - optind, 1, 1))
		return FAULT_USAGE;
	status = keep_begin(context, &keep, &f) ? delete(context, &keep,
	    argv[optind], if_exists) : command_fail(&f);
	keep_end(&keep);
	return status;
}

const struct command command_del = {
	"del", "KEY", "Take a key's rules out of the store", options, run,
	NULL
};
