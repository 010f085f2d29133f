/* tlspolicy audit head: where the chain ends, to be noted. */
#include <getopt.h>
#include <string.h>
#include <unistd.h>

#include "policy/audit/tail.h"
#include "policy/commands/audit.h"

static const struct command_option options[] = {
	{ 'k', NULL, "KEYFILE", "a key, in place of the setting" },
	{ 0, NULL, NULL, NULL }
};

/*
 * The key matters for torn bytes alone, which have another head with another
 * key.
 */
static bool
find_tail(struct keyring *keys, const char *path, struct tail *tail,
    struct fault *fault)
{
	struct chain_link link;
	struct chain *chain;

	if (!tail_of(path, keyring_first(keys), tail, fault))
		return false;
	if (!tail->found) {
		fault_set(fault, FAULT_DATA, "there is no line yet");
		fault_at(fault, path, 0, 0);
		return false;
	}
	if (tail->head.torn == 0)
		return true;
	memset(&link, 0, sizeof link);
	memcpy(link.key, tail->key, sizeof link.key);
	link.epoch = tail->epoch;
	chain = link.key[0] != '\0' ? keyring_of_link(keys, &link) :
	    keyring_first(keys);
	if (chain != NULL)
		return tail_of(path, chain, tail, fault);
	if (keyring_has_failed(keys))
		return fault_set(fault, FAULT_SOFTWARE, "OpenSSL failed");
	fault_set(fault, FAULT_DATA, "its last line is torn, and sealed with "
	    "the key %s, which was not given", tail->key);
	fault_at(fault, path, 0, 0);
	return false;
}

static int
run(struct context *context, int argc, char **argv)
{
	struct audit_keys given = { .n = 0 };
	struct keyring *keys;
	struct fault fault;
	struct tail tail;
	const char *path;
	int c, status;

	while ((c = command_getopt(context, argc, argv, &status)) != -1) {
		if (c != 'k')
			return status;
		if (!audit_key_option(context, &given, optarg))
			return FAULT_USAGE;
	}
	if (!command_operands(context, argc - optind, 0, 1))
		return FAULT_USAGE;
	path = optind < argc ? argv[optind] : context->settings.audit_file;
	if (optind == argc && !audit_can_read(context, &fault))
		return command_fail(&fault);
	/* Read the key first: opening the log may end root's right to it. */
	if ((keys = audit_keyring(context, &given, &fault)) == NULL)
		return command_fail(&fault);
	if (command_enter_to_read(path, &fault) &&
	    find_tail(keys, path, &tail, &fault)) {
		printf("%s %llu\n", tail.head.hex,
		    (unsigned long long)tail.head.seq);
		status = EXIT_FINE;
	} else
		status = command_fail(&fault);
	keyring_free(keys);
	return status;
}

const struct command command_audit_head = {
	"audit head", "[FILE]", "Print where the chain ends, to be noted",
	options, run,
	"tlspolicy-audit(5)"
};
