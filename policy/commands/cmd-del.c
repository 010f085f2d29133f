/* tlspolicy del: the rules of one key out of the store. */
#include <getopt.h>

#include "policy/commands/absent.h"
#include "policy/commands/author.h"
#include "policy/commands/keep.h"
#include "policy/commands/remote.h"
#include "policy/commands/using.h"
#include "policy/store/rebuild.h"

static const struct command_option options[] = {
	{ 'i', "if-exists", NULL, "a key without rules is no finding" },
	AUTHOR_OPTION_MESSAGE,
	REMOTE_OPTION,
	{ 0, NULL, NULL, NULL }
};

/* mdb_env_open() would create a missing store: del must not. */
static bool
may_go(const struct context *context, const struct key *keys, size_t n,
    uint64_t *lines, struct fault *f)
{
	struct store_reader reader;
	struct store *store;
	bool good = true;

	*lines = 0;
	if (!command_open_store(context, &store, &reader, f))
		return false;
	for (size_t i = 0; good && i < n; i++) {
		*lines += using_lines(&reader, &keys[i]);
		good = using_is_free(&reader, &keys[i], f);
	}
	command_close_store(store, &reader);
	return good;
}

/* Nothing was deleted, as no rule has the key. */
static int
say_absent(const struct context *context, const char *word, bool if_exists)
{
	struct fault f;

	if (!absent_may_be(context, slice_of(word), &f))
		return command_fail(&f);
	if (if_exists)
		return EXIT_FINE;
	command_say("there is no rule for %s", word);
	return EXIT_FINDINGS;
}

static int
delete(const struct context *context, struct keep *keep, const char *word,
    bool if_exists, const char *message)
{
	struct key keys[COMMAND_KEYS_MAX];
	struct store_info info;
	struct author author;
	struct fault f;
	uint64_t lines;
	bool found;
	size_t n;

	if (!author_init(&author, context, GENERATION_DEL, message, &f) ||
	    !command_keys(slice_of(word), keys, &n, &f) ||
	    !may_go(context, keys, n, &lines, &f) ||
	    !keep_edit(context, keep, NULL, keys, n, &f) ||
	    !rebuild_delete(context->store, keys, n, &author.by, &found,
	    &info, &f))
		return command_fail(&f);
	if (!found)
		return say_absent(context, word, if_exists);
	command_say("%llu line%s of %s removed", (unsigned long long)lines,
	    lines == 1 ? "" : "s", word);
	command_say_generation(context, &info, true);
	author_say_followed(context);
	return EXIT_FINE;
}

static bool
delete_there(const struct context *context, struct remote *remote,
    const char *word, size_t *gone, struct fault *f)
{
	struct key keys[COMMAND_KEYS_MAX];
	struct scratch_edit edit = { .gone = keys };
	struct rulefile rules;
	bool good;

	if (!command_keys(slice_of(word), keys, &edit.ngone, f) ||
	    !remote_open(context, remote, f))
		return false;
	good = remote_edit(context, remote, &edit, &rules, f);
	*gone = remote->has.rules.n - rules.n;
	good = good && (*gone == 0 || remote_write(context, remote, &rules, f));
	rulefile_free(&rules);
	return good;
}

static int
delete_remote(const struct context *context, const char *word, bool if_exists)
{
	struct remote remote = { .broken = false };
	struct fault f;
	size_t gone = 0;
	bool good = delete_there(context, &remote, word, &gone, &f);

	remote_close(&remote);
	if (!good)
		return command_fail(&f);
	return gone > 0 ? EXIT_FINE : say_absent(context, word, if_exists);
}

static int
run(struct context *context, int argc, char **argv)
{
	const char *message = NULL;
	bool if_exists = false, ldap = false;
	struct keep keep;
	struct fault f;
	int c, status;

	while ((c = command_getopt(context, argc, argv, &status)) != -1) {
		if (c == 'i')
			if_exists = true;
		else if (c == 'm')
			message = optarg;
		else if (c == OPTION_LDAP)
			ldap = true;
		else
			return status;
	}
	if (!command_operands(context, argc - optind, 1, 1))
		return FAULT_USAGE;
	if (ldap && message != NULL)
		return command_usage(context, REMOTE_NO_MESSAGE);
	if (ldap)
		return delete_remote(context, argv[optind], if_exists);
	status = keep_begin(context, &keep, &f) ? delete(context, &keep,
	    argv[optind], if_exists, message) : command_fail(&f);
	keep_end(&keep);
	return status;
}

const struct command command_del = {
	"del", "KEY", "Take a key's rules out of the store", options, run,
	NULL
};
