/*
 * tlspolicy plan: a policy that is to come, judged beside the one in force.
 *
 * The store of a plan is made under another name and then renamed: a daemon
 * never sees half of one.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/base/folder.h"
#include "policy/commands/author.h"
#include "policy/commands/keep.h"
#include "policy/commands/later.h"
#include "policy/commands/plan.h"
#include "policy/commands/planning.h"
#include "policy/commands/progress.h"
#include "policy/commands/ruleset.h"
#include "policy/replay/workers.h"
#include "policy/store/rebuild.h"

enum { DAYS_DEFAULT = 14, OPTION_BUDGET = OPTION_REPORT, OPTION_PLAN_DAYS };

static const struct command_option options[] = {
	{ OPTION_BUDGET, "budget", "NUMBER",
	    "so many messages may break, 0" },
	{ OPTION_PLAN_DAYS, "days", "NUMBER",
	    "it is judged beside for so many days, 14" },
	AUTHOR_OPTION_MESSAGE,
	COMMAND_OPTION_JSON,
	{ 0, NULL, NULL, NULL }
};

const struct command *const command_plan_table[] = {
	&command_plan_status,
	&command_plan_cancel,
	NULL
};

struct wish {
	unsigned long budget, days;
	const char *message;
	bool json;
};

/* The sub-command, behind options of all commands; NULL: RULES, or nothing. */
static const struct command *
find(const char *word)
{
	for (int i = 0; word != NULL && command_plan_table[i] != NULL; i++)
		if (strcmp(word, command_plan_table[i]->name + 5) == 0)
			return command_plan_table[i];
	return NULL;
}

static bool
choose_id(uint64_t *id, struct fault *f)
{
	do {
		if (getrandom(id, sizeof *id, 0) != (ssize_t)sizeof *id)
			return fault_errno(f, FAULT_UNAVAILABLE, errno,
			    "no random bytes");
		*id >>= 1; /* a signed 64 bit number, as JSON parsers take it */
	} while (*id == 0);
	return true;
}

/* The store of the plan, under a name that no daemon looks for. */
static bool
build(const struct context *context, const char *fresh,
    const struct rulefile *rules, const struct wish *wish,
    struct author *author, struct plan *plan, struct fault *f)
{
	uint64_t generation;

	*plan = (struct plan){ .started = author->by.now,
		.days = (uint32_t)wish->days,
		.budget = (uint32_t)wish->budget };
	author->by.keep_s = 0;
	author->by.plan = plan;
	return planning_in_force(context, &generation, plan->base, f) &&
	    choose_id(&plan->id, f) && plan_remove(fresh, f) &&
	    rebuild_store(fresh, rules, &author->by, REBUILD_DURABLE, NULL,
	    NULL, f);
}

static bool
move(const char *fresh, const char *path, const char *end, struct fault *f)
{
	char from[PLAN_PATH_MAX + 16], to[PLAN_PATH_MAX + 16];

	snprintf(from, sizeof from, "%s%s", fresh, end);
	snprintf(to, sizeof to, "%s%s", path, end);
	return rename(from, to) == 0 || fault_errno(f, FAULT_IO, errno,
	    "cannot rename %s to %s", from, to);
}

/* Renames the lock file, too: a reader may not be able to make one. */
static bool
put_in_place(const char *fresh, const char *path, struct fault *f)
{
	struct stat st;

	if (lstat(path, &st) == 0)
		return fault_set(f, FAULT_DATA, "%s: there is a plan already; "
		    "`tlspolicy plan cancel' gives it up", path);
	if (errno != ENOENT)
		return fault_errno(f, FAULT_IO, errno, "%s", path);
	return move(fresh, path, "-lock", f) && move(fresh, path, "", f) &&
	    folder_sync(path, f);
}

/*
 * Makes the plan under the store's lock: of two commands at once, each would
 * believe that its plan is the one.
 */
static bool
make(const struct context *context, const struct rulefile *rules,
    struct keep *keep, const struct wish *wish, struct planning *p,
    struct fault *f)
{
	char fresh[PLAN_PATH_MAX + 8], path[PLAN_PATH_MAX];
	struct author author;
	struct plan plan;
	struct fault ignored;
	bool good;

	if (!plan_path(context->store, path))
		return fault_set(f, FAULT_NOINPUT, "%s: the path is too long "
		    "for a plan", context->store);
	snprintf(fresh, sizeof fresh, "%s.new", path);
	if (!author_init(&author, context, GENERATION_BUILD, wish->message, f) ||
	    !command_enter_folder(context, f) ||
	    (keep->lock == -1 && !rebuild_lock(context->store, &keep->lock, f)))
		return false;
	progress_start("rules go into the plan", &rules->n);
	good = build(context, fresh, rules, wish, &author, &plan, f);
	progress_stop();
	good = good && put_in_place(fresh, path, f);
	if (!good) {
		/* `f` tells why there is no plan, so this is told apart. */
		if (!plan_remove(fresh, &ignored))
			command_report_fault(NULL, &ignored);
		return false;
	}
	return planning_open(context, p, f);
}

/* Judges recorded mail by the plan's rules. */
static bool
look_back(const struct context *context, struct planning *p, bool json,
    const struct audit_files *files, struct fault *f)
{
	struct eval_options eval;
	struct replay_workers workers = { .options = &eval,
		.store = p->store };
	struct replay replay = { .reader = &p->reader, .options = &eval };
	bool good;

	settings_eval_options(&context->settings, &eval);
	progress_start("records judged", &workers.records);
	good = replay_workers_run(&workers, files->paths, files->n, f);
	progress_stop();
	if (good && json)
		good = replay_report_json(&workers.report, workers.records,
		    stdout) || fault_no_memory(f);
	else if (good)
		good = replay_report_print(&workers.report, workers.records,
		    false, &replay, stdout) || fault_no_memory(f);
	fflush(stdout);
	if (good && workers.report.changed[CHANGE_REFUSED] +
	    workers.report.changed[CHANGE_PARTLY] +
	    workers.report.changed[CHANGE_HELD] > p->plan.budget)
		command_say("the log so far has more that would break than "
		    "the %lu that may", (unsigned long)p->plan.budget);
	replay_workers_free(&workers);
	return good;
}

static void
report(const struct context *context, struct planning *p, bool json)
{
	static char *none[] = { NULL };
	struct audit_files files;
	struct fault f;

	if (json) {
		planning_json(p, stdout);
		fputs(",\"history\":", stdout);
	} else
		planning_print(p, stdout);
	if (!audit_files(context, none, &files, &f)) {
		command_say("no history was judged: %s", f.text);
		fputs(json ? "null\n" : "", stdout);
	} else {
		if (!look_back(context, p, json, &files, &f)) {
			command_say("no history was judged: %s", f.text);
			fputs(json ? "null\n" : "", stdout);
		}
		audit_files_free(&files);
	}
	fputs(json ? "}\n" : "", stdout);
	fflush(stdout);
	later_say(&p->reader, false);
	command_say("%s: judged beside generation %llu from now on", p->path,
	    (unsigned long long)p->generation);
}

static int
plan(const struct context *context, char **paths, const struct wish *wish)
{
	struct rulefile rules;
	struct planning *p = calloc(1, sizeof *p);
	struct keep keep;
	struct fault f;
	int status = EXIT_FINE;
	bool parsed;

	if (p == NULL) {
		fault_no_memory(&f);
		return command_fail(&f);
	}
	parsed = ruleset_read(context, paths, &rules, &f);
	if (parsed)
		ruleset_say_gone_of_store(context, &rules);
	if (parsed && keep_begin(context, &keep, &f) &&
	    keep_rules(context, &keep, &rules, &f) &&
	    make(context, &rules, &keep, wish, p, &f)) {
		if (p->is_applied) {
			fputs(wish->json ? "{\"plan\":null}\n" : "", stdout);
			command_say("these are the rules in force: nothing to "
			    "plan");
			if (!plan_remove(p->path, &f))
				status = command_fail(&f);
		} else
			report(context, p, wish->json);
	} else
		status = command_fail(&f);
	if (parsed)
		keep_end(&keep);
	rulefile_free(&rules);
	planning_close(p);
	free(p);
	return status;
}

static int
run(struct context *context, int argc, char **argv)
{
	struct wish wish = { .days = DAYS_DEFAULT };
	int at = command_first_operand(argc, argv), c, status;
	const struct command *command = find(at < argc ? argv[at] : NULL);

	if (command != NULL) {
		context->command = command;
		memmove(argv + 1, argv, (size_t)at * sizeof argv[0]);
		return command->run(context, argc - 1, argv + 1);
	}
	while ((c = command_getopt(context, argc, argv, &status)) != -1) {
		if (c == 'm')
			wish.message = optarg;
		else if (c == OPTION_JSON)
			wish.json = true;
		else if (c != OPTION_BUDGET && c != OPTION_PLAN_DAYS)
			return status;
		else if (!command_number(context, c, c == OPTION_BUDGET ? 0 : 1,
		    c == OPTION_BUDGET ? PLAN_BUDGET_MAX : PLAN_DAYS_MAX,
		    c == OPTION_BUDGET ? &wish.budget : &wish.days))
			return FAULT_USAGE;
	}
	if (argv[optind] == NULL)
		return command_usage(context, "which rules? Or: plan status, "
		    "plan cancel");
	return plan(context, argv + optind, &wish);
}

const struct command command_plan = {
	"plan", "RULES...|status|cancel",
	"Judge new rules beside those in force, before they come", options,
	run, "tlspolicy-plan(1)"
};
