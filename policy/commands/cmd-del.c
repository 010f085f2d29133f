/* tlspolicy del: the rules of one key out of the store. */
#include <getopt.h>
#include <time.h>

#include "policy/commands/command.h"
#include "policy/store/rebuild.h"

static int
delete(const struct context *context, const struct key *keys, size_t n,
    bool *any)
{
	struct store_info info;
	struct fault f;

	for (size_t i = 0; i < n; i++) {
		bool found;

		if (!rebuild_delete(context->store, &keys[i],
		    (int64_t)time(NULL), &found, &info, &f))
			return command_fail(&f);
		if (found)
			fprintf(stderr, "%s: generation %llu, %llu rules\n",
			    context->store,
			    (unsigned long long)info.generation,
			    (unsigned long long)info.rules);
		*any |= found;
	}
	return EXIT_FINE;
}

static int
run(struct context *context, int argc, char **argv)
{
	struct key keys[COMMAND_KEYS_MAX];
	bool any = false;
	int c, status;
	struct fault f;
	size_t n;

	while ((c = command_getopt(context, argc, argv, &status)) != -1)
		return status;
	if (!command_operands(context, argc - optind, 1, 1))
		return FAULT_USAGE;
	if (!command_keys(slice_of(argv[optind]), keys, &n, &f))
		return command_fail(&f);
	status = delete(context, keys, n, &any);
	if (status != EXIT_FINE || any)
		return status;
	fprintf(stderr, "tlspolicy: there is no rule for %s\n", argv[optind]);
	return EXIT_FINDINGS;
}

const struct command command_del = {
	"del", "KEY", "Take a key's rules out of the store", NULL, run
};
