/*
 * tlspolicy apply: the plan comes into force, or begins to decide about some
 * clients, when its evidence allows it.
 *
 * The daemon only reads its store, so a plan that is due is applied by whoever
 * runs `apply --due' then: all that stood in its way when it was asked for is
 * looked at again.
 */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "policy/commands/again.h"
#include "policy/commands/author.h"
#include "policy/commands/keep.h"
#include "policy/commands/planning.h"
#include "policy/store/rebuild.h"

enum { OPTION_CANARY = OPTION_REPORT, OPTION_DUE };

static const struct command_option options[] = {
	{ OPTION_CANARY, "canary", "PERCENT",
	    "first decide about so many of the clients" },
	{ OPTION_AT, "at", "TIME", "not now: when `apply --due' is run then" },
	{ OPTION_DUE, "due", NULL, "if its time has come; for a timer" },
	AUTHOR_OPTION_MESSAGE,
	{ 0, NULL, NULL, NULL }
};

struct applying {
	const struct context *context;
	const char *message;
	bool canary, at, due;
	unsigned long percent;
	int64_t time; /* of --at, seconds since 1970 */
	struct author author;
	struct keep keep;
	struct planning plan;
	struct rulefile rules;
};

/* "10" or "10%" */
static bool
take_percent(struct applying *a, const char *word)
{
	struct slice s = slice_of(word);

	if (s.n > 0 && s.p[s.n - 1] == '%')
		s.n--;
	a->canary = true;
	if (text_number(s, 100, &a->percent))
		return true;
	command_usage(a->context, "--canary: a number from 0 to 100 was "
	    "expected, not \"%s\"", word);
	return false;
}

static bool
take_time(struct applying *a, const char *word)
{
	int64_t us, now = (int64_t)time(NULL);

	a->at = true;
	if (!reader_time(slice_of(word), &us)) {
		command_usage(a->context, "--at: \"%s\" is not a time: want "
		    "2026-03-01 or 2026-03-01T12:00:00Z", word);
		return false;
	}
	a->time = us / INT64_C(1000000);
	if (a->time > now)
		return true;
	command_usage(a->context, "--at: %s is over", word);
	return false;
}

/* Reads the plan's rules by the grammar of today. */
static bool
read_rules(struct applying *a, struct fault *f)
{
	struct planning *p = &a->plan;
	struct rulefile old;
	struct generation g;
	bool good;

	good = history_rules(&p->reader, p->newest.number, &old, &g, f) &&
	    again_parse(&a->rules, &old, "the plan", f);
	rulefile_free(&old);
	return good;
}

/*
 * The author of a plan that is due is who set its time, not who runs the
 * timer.
 */
static bool
take_author(struct applying *a, struct fault *f)
{
	const struct generation *g = &a->plan.newest;
	struct author *by = &a->author;

	if (!a->due)
		return true;
	if (g->login.n >= sizeof by->login || g->host.n >= sizeof by->host)
		return fault_set(f, FAULT_DATA, "%s: damaged", a->plan.path);
	snprintf(by->login, sizeof by->login, "%.*s", SLICE_ARG(g->login));
	snprintf(by->host, sizeof by->host, "%.*s", SLICE_ARG(g->host));
	by->by.login = slice_of(by->login);
	by->by.host = slice_of(by->host);
	by->by.uid = g->uid;
	if (a->message == NULL)
		by->by.message = g->message;
	return true;
}

/* Notes --canary or --at in the plan's store, beside the rules it has. */
static bool
change_plan(struct applying *a, struct fault *f)
{
	struct plan plan = a->plan.plan;

	if (a->canary)
		plan.canary = (uint32_t)a->percent;
	if (a->at)
		plan.due = a->time;
	a->author.by.plan = &plan;
	a->author.by.keep_s = 0;
	a->author.by.how = GENERATION_BUILD;
	return rebuild_store(a->plan.path, &a->rules, &a->author.by,
	    REBUILD_DURABLE, NULL, NULL, f);
}

static void
say_files(const struct applying *a)
{
	const struct rulefile *rules = &a->rules;

	for (unsigned i = 0; i < rules->nsources; i++)
		if (!slice_is(rules->sources[i], a->context->settings.rules)) {
			command_say("these rules are from %.*s: the next build "
			    "of %s takes them back, unless it has them",
			    SLICE_ARG(rules->sources[i]),
			    a->context->settings.rules);
			break;
		}
}

/*
 * Puts the plan's rules into force, and removes the plan.  Run again after the
 * removal has failed, it changes nothing and removes it.
 */
static bool
commit(struct applying *a, struct fault *f)
{
	const struct context *context = a->context;
	struct store_info info;
	bool changed;

	a->author.by.over = a->plan.plan.base;
	a->author.by.back_to = a->plan.plan.id;
	if (!keep_lock(context, &a->keep, f) ||
	    !rebuild_store(context->store, &a->rules, &a->author.by,
	    REBUILD_DURABLE, &info, &changed, f))
		return false;
	command_say_generation(context, &info, changed);
	say_files(a);
	return plan_remove(a->plan.path, f);
}

static bool
carry_out(struct applying *a, struct fault *f)
{
	if (!a->canary && !a->at)
		return commit(a, f);
	if (!change_plan(a, f))
		return false;
	if (a->canary)
		command_say("%s: decides about %lu %% of the clients",
		    a->plan.path, a->percent);
	if (a->at)
		command_say("%s: `tlspolicy apply --due' applies it when its "
		    "time has come", a->plan.path);
	return true;
}

/* Deciding about no more clients than before needs no evidence. */
static bool
is_less(const struct applying *a)
{
	return a->canary && !a->at && a->percent <= a->plan.plan.canary;
}

static int
refuse(const struct applying *a)
{
	const struct planning *p = &a->plan;

	planning_say_obstacles(p);
	command_say("%s is not applied", p->path);
	return evidence_status(&p->evidence, &p->state);
}

/* The exit status. */
static int
apply(struct applying *a, char **operands)
{
	int64_t now = (int64_t)time(NULL);
	struct planning *p = &a->plan;
	struct audit_files files;
	struct fault f;
	int status = EXIT_FINE;
	bool good;

	if (!planning_open(a->context, p, &f))
		return a->due && f.kind == FAULT_NOINPUT && p->store == NULL &&
		    p->generation != 0 ? EXIT_FINE : command_fail(&f);
	if (a->due && (p->plan.due == 0 || p->plan.due > now))
		return EXIT_FINE;
	if (p->is_applied) {
		command_say("its rules are in force already");
		return plan_remove(p->path, &f) ? EXIT_FINE : command_fail(&f);
	}
	if (!audit_files(a->context, operands, &files, &f))
		return command_fail(&f);
	good = take_author(a, &f) && read_rules(a, &f) &&
	    planning_look(p, &files, a->at ? a->time : now, &f);
	audit_files_free(&files);
	if (good && evidence_status(&p->evidence, &p->state) != EXIT_FINE &&
	    !is_less(a))
		return refuse(a);
	good = good && keep_rules(a->context, &a->keep, &a->rules, &f) &&
	    carry_out(a, &f);
	if (!good)
		status = command_fail(&f);
	return status;
}

static int
start(struct applying *a, char **operands)
{
	const struct context *context = a->context;
	struct fault f;
	int status;

	/*
	 * Claims are read as root, if need be: opening the store may end that.
	 */
	if (!author_init(&a->author, context, GENERATION_APPLY, a->message, &f))
		return command_fail(&f);
	rulefile_init(&a->rules, command_report_fault, NULL);
	a->rules.as_sendmail = context->settings.compat == COMPAT_SENDMAIL;
	if (!keep_begin(context, &a->keep, &f) ||
	    !command_enter_folder(context, &f))
		status = command_fail(&f);
	else
		status = apply(a, operands);
	keep_end(&a->keep);
	planning_close(&a->plan);
	rulefile_free(&a->rules);
	return status;
}

static int
run(struct context *context, int argc, char **argv)
{
	struct applying *a = calloc(1, sizeof *a);
	struct fault f;
	int c, status = FAULT_USAGE;
	bool good = true;

	if (a == NULL) {
		fault_no_memory(&f);
		return command_fail(&f);
	}
	a->context = context;
	while (good && (c = command_getopt(context, argc, argv, &status)) !=
	    -1) {
		if (c == OPTION_CANARY)
			good = take_percent(a, optarg);
		else if (c == OPTION_AT)
			good = take_time(a, optarg);
		else if (c == OPTION_DUE)
			a->due = true;
		else if (c == 'm')
			a->message = optarg;
		else {
			free(a);
			return status;
		}
	}
	if (good && a->due && (a->at || a->canary)) {
		command_usage(context, "--due takes neither --at nor --canary");
		good = false;
	}
	status = good ? start(a, argv + optind) : FAULT_USAGE;
	free(a);
	return status;
}

const struct command command_apply = {
	"apply", "[AUDIT...]",
	"Put the plan into force, if what was seen allows it", options, run,
	"tlspolicy-plan(1)"
};
