/* tlspolicy build: rule files into the store, in one commit. */
#include <errno.h>
#include <getopt.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "policy/base/jsontext.h"
#include "policy/commands/again.h"
#include "policy/commands/author.h"
#include "policy/commands/difference.h"
#include "policy/commands/keep.h"
#include "policy/commands/progress.h"
#include "policy/commands/remote.h"
#include "policy/store/buildnote.h"
#include "policy/store/older.h"
#include "policy/store/rebuild.h"

static const struct command_option options[] = {
	{ 'n', "dry-run", NULL, "only check, and print what would change" },
	AUTHOR_OPTION_MESSAGE,
	COMMAND_OPTION_JSON,
	REMOTE_OPTION,
	{ OPTION_UPGRADE, "upgrade", NULL, "the rules of a store that an older "
	    "version made" },
	{ 0, NULL, NULL, NULL }
};

static void
say_untagged(const struct rulefile *rules)
{
	if (rules->untagged > 0)
		fprintf(stderr, "%lu line%s without a tag: taken as a TLS_Clt "
		    "and a TLS_Srv rule each\n", rules->untagged,
		    rules->untagged == 1 ? "" : "s");
}

static bool
compare(const struct context *context, const struct rulefile *rules, bool json,
    struct fault *f)
{
	struct difference d;
	struct store_reader reader;
	struct store *store = NULL;
	bool good;

	/* Before the first build there is nothing, which is no mistake. */
	if (access(context->store, F_OK) == 0 || errno != ENOENT) {
		if (!command_open_store(context, &store, &reader, f))
			return false;
	}
	good = difference_print(store == NULL ? NULL : &reader, rules, json,
	    &d, f);
	if (store != NULL)
		command_close_store(store, &reader);
	if (!good)
		return false;
	fprintf(stderr, "%zu rules are good; a build of %s would remove %lu, "
	    "add %lu and change %lu", rules->n, context->store, d.removed,
	    d.added, d.changed);
	if (d.touched > 0)
		fprintf(stderr, ", and by their profiles %lu more", d.touched);
	fputc('\n', stderr);
	return true;
}

static void
print_json(const struct context *context, const struct rulefile *rules,
    const struct store_info *info, bool unchanged)
{
	json_t *line = json_pack("{s:o, s:I, s:I, s:I, s:I, s:b}", "store",
	    jsontext_cstring(context->store), "generation",
	    (json_int_t)info->generation, "rules", (json_int_t)info->rules,
	    "untagged", (json_int_t)rules->untagged, "built_at",
	    (json_int_t)info->built_at, "unchanged", unchanged);

	json_dumpf(line, stdout,
	    JSON_ENSURE_ASCII | JSON_COMPACT);
	putchar('\n');
	json_decref(line);
}

/* No folder: said before a writer would try to make a store there. */
static bool
folder_is_there(const char *store, struct fault *f)
{
	const char *slash = strrchr(store, '/');
	char folder[SETTINGS_STRING_MAX];

	snprintf(folder, sizeof folder, "%.*s", slash == NULL ? 1 :
	    (int)(slash - store + 1), slash == NULL ? "." : store);
	if (access(folder, F_OK) == 0)
		return true;
	return fault_errno(f, FAULT_IO, errno, "cannot make %s: %s", store,
	    folder);
}

/* Puts the rules into the store, and frees them. */
static bool
build(const struct context *context, struct rulefile *rules,
    struct keep *keep, const char *message, bool json, struct fault *f)
{
	size_t n = rules->n;
	struct store_info info;
	struct author author;
	bool good, changed;

	if (!author_init(&author, context, GENERATION_BUILD, message, f) ||
	    !folder_is_there(context->store, f) ||
	    !command_enter_folder(context, f) || !keep_lock(context, keep, f))
		return false;
	progress_start("rules go into the store", &n);
	good = rebuild_and_free(context->store, rules, &author.by,
	    &info, &changed, f);
	progress_stop();
	if (!good)
		return false;
	command_say_generation(context, &info, changed);
	author_say_followed(context);
	if (json)
		print_json(context, rules, &info, !changed);
	return true;
}

/*
 * Notes how the build ended, for the daemon's metrics: of its own store only.
 */
static void
note(const struct context *context, const struct fault *why)
{
	char line[FAULT_WHERE_MAX + FAULT_TEXT_MAX + 48];
	struct fault f;

	if (strcmp(context->store, context->settings.store) != 0)
		return;
	if (!command_enter_folder(context, &f) ||
	    !buildnote_write(context->store, BUILDNOTE_BUILD, (int64_t)time(NULL), why == NULL ?
	    NULL : fault_print(why, line, sizeof line), &f))
		command_fail(&f);
}

/*
 * Writes the rules in force, with what was set and deleted since the last
 * build, in the new format.  The policy stays as it is: so claims are not
 * asked.
 */
static bool
upgrade(const struct context *context, bool dry, bool *older, struct fault *f)
{
	struct rulefile old, rules;
	struct store_info info;
	struct author author;
	char message[64];
	bool good, changed;

	if (!author_init(&author, context, GENERATION_BUILD, NULL, f) ||
	    !command_enter_folder(context, f))
		return false;
	rulefile_init(&rules, command_report_fault, NULL);
	rules.as_sendmail = context->settings.compat == COMPAT_SENDMAIL;
	good = older_rules(context->store, &old, older, f) &&
	    (!*older || again_parse(&rules, &old, context->store, f));
	if (good && *older && dry)
		command_say("%s: of an older version; its %zu rules can be "
		    "taken over", context->store, rules.n);
	if (good && *older && !dry) {
		snprintf(message, sizeof message, "%zu rules of an older "
		    "version's store", rules.n);
		author.by.message = slice_of(message);
		good = rebuild_store(context->store, &rules, &author.by,
		    REBUILD_OLDER, &info, &changed, f);
		if (good)
			command_say_generation(context, &info, changed);
	}
	rulefile_free(&old);
	rulefile_free(&rules);
	return good;
}

static int
run_upgrade(const struct context *context, bool dry)
{
	struct fault f;
	bool older = false, good = upgrade(context, dry, &older, &f);

	if (!dry && older)
		note(context, good ? NULL : &f);
	return good ? EXIT_FINE : command_fail(&f);
}

static int
run_remote(const struct context *context, char *const *paths, bool dry,
    bool json)
{
	struct remote remote = { .broken = false };
	struct rulefile rules;
	struct fault f;
	size_t changes;
	bool good = ruleset_read(context, paths, &rules, &f);

	if (good) {
		good = remote_open(context, &remote, &f);
		if (good) {
			ruleset_say_gone(&rules, remote.has.rules.n,
			    remote.uri);
			good = dry ? remote_compare(&remote, &rules, json,
			    &changes, &f) :
			    remote_write(context, &remote, &rules, &f);
		}
		remote_close(&remote);
	}
	if (good) {
		say_untagged(&rules);
		ruleset_say_unasked(ruleset_unasked(context, &rules));
	}
	rulefile_free(&rules);
	return good ? EXIT_FINE : command_fail(&f);
}

static int
run_store(const struct context *context, char *const *paths, bool dry, bool json,
    const char *message)
{
	struct rulefile rules;
	size_t unasked = 0;
	struct keep keep;
	struct fault f;
	int status = EXIT_FINE;
	bool parsed = ruleset_read(context, paths, &rules, &f), good;

	if (parsed) {
		unasked = ruleset_unasked(context, &rules);
		ruleset_say_gone_of_store(context, &rules);
	}
	good = parsed && keep_begin(context, &keep, &f) &&
	    keep_rules(context, &keep, &rules, &f) &&
	    (dry ? compare(context, &rules, json, &f) :
	    build(context, &rules, &keep, message, json, &f));
	if (parsed)
		keep_end(&keep);
	if (good) {
		say_untagged(&rules);
		ruleset_say_unasked(unasked);
	} else
		status = command_fail(&f);
	if (!good && f.kind == FAULT_DATA)
		fprintf(stderr, "%s is left as it was\n", context->store);
	if (!dry)
		note(context, good ? NULL : &f);
	rulefile_free(&rules);
	return status;
}

static int
run(struct context *context, int argc, char **argv)
{
	bool dry = false, json = false, ldap = false, old = false;
	const char *message = NULL;
	int c, status = EXIT_FINE;

	while ((c = command_getopt(context, argc, argv, &status)) != -1) {
		switch (c) {
		case 'n':
			dry = true;
			break;
		case 'm':
			message = optarg;
			break;
		case OPTION_JSON:
			json = true;
			break;
		case OPTION_LDAP:
			ldap = true;
			break;
		case OPTION_UPGRADE:
			old = true;
			break;
		default:
			return status;
		}
	}
	if (ldap && (message != NULL || (json && !dry)))
		return command_usage(context, message != NULL ?
		    REMOTE_NO_MESSAGE : "--ldap takes --json beside -n only");
	if (old && (json || ldap || message != NULL || optind < argc))
		return command_usage(context, "--upgrade goes with -n only, and "
		    "takes no rules");
	if (old)
		return run_upgrade(context, dry);
	if (ldap)
		return run_remote(context, argv + optind, dry, json);
	return run_store(context, argv + optind, dry, json, message);
}

const struct command command_build = {
	"build", "[RULES...]", "Compile rules into the store, in one commit",
	options, run,
	"tlspolicy-rules(5)"
};
