/* tlspolicy replay: which recorded mail would be judged differently. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy/commands/later.h"
#include "policy/commands/progress.h"
#include "policy/commands/replay.h"
#include "policy/commands/replay-then.h"
#include "policy/replay/workers.h"
#include "policy/commands/ruleset.h"
#include "policy/commands/scratch.h"

enum { REPLAY_OPTIONS_MAX = 64, OPTION_LEFT = OPTION_REPORT };

static const struct command_option options[] = {
	{ 'r', NULL, "NEWRULES", "the rules to judge by; without: the store" },
	{ 'o', NULL, "SETTING=VALUE", "a setting for this run" },
	{ OPTION_LEFT, "left", NULL, "of mail that left, by a mail log" },
	{ OPTION_AS_THEN, "as-then", NULL, "each by the policy of its day" },
	AUDIT_OPTION_SINCE,
	AUDIT_OPTION_UNTIL,
	{ 'v', "verbose", NULL, "with the examples, how both verdicts came" },
	AUDIT_OPTION_SALTS,
	COMMAND_OPTION_JSON,
	{ 0, NULL, NULL, NULL }
};

struct replaying {
	struct context *context;
	char *rules[RULEFILE_SOURCES_MAX + 1];
	size_t nrules;
	bool verbose, json, left, own_mode, own_exempt, as_then;
	struct replay_span span;
	struct eval_options eval;
	struct replay replay;
};

static const struct settings *
exempt(const struct replaying *run)
{
	return run->own_exempt ? &run->context->settings : NULL;
}

/* Prints the report; examples are judged once more for their traces. */
static int
print(struct replaying *run, struct replay_workers *workers)
{
	struct replay_report *report = &workers->report;
	struct store_reader reader;
	struct audit_hidden hidden = { .records = { 0 } };
	struct fault fault;
	bool good;

	memcpy(hidden.records, workers->hidden, sizeof hidden.records);
	audit_note_why(&hidden, workers->salts);
	audit_say_torn(workers->torn);
	audit_say_hidden(&hidden);
	audit_say_withdrawn(workers->withdrawn);
	audit_say_maillog(workers->maillog, workers->untold, workers->delivered);
	if (!store_begin(workers->store, &reader, &fault))
		return command_fail(&fault);
	if (run->json) {
		good = replay_report_json(report, workers->records, stdout);
	} else {
		run->replay.options = &run->eval;
		run->replay.own_mode = run->own_mode;
		run->replay.own_exempt = exempt(run);
		run->replay.reader = &reader;
		run->replay.salts = workers->salts;
		good = replay_report_print(report, workers->records,
		    run->verbose, &run->replay, stdout);
	}
	later_say(&reader, false);
	store_end(&reader);
	if (!good) {
		fault_no_memory(&fault);
		return command_fail(&fault);
	}
	audit_say_outside(workers->outside, workers->records);
	audit_say_unread(workers->unread);
	if (workers->unread + workers->bad > 0)
		return audit_status(workers->unread, workers->unread_kind,
		    workers->bad);
	return replay_report_refuses(report) || report->unjudged > 0 ||
	    workers->records == 0 ? EXIT_FINDINGS : EXIT_FINE;
}

static int
replay(struct replaying *run, const struct audit_files *files,
    struct store *store)
{
	struct replay_workers workers = { .options = &run->eval,
		.own_mode = run->own_mode, .own_exempt = exempt(run),
		.store = store, .since = run->span.since,
		.until = run->span.until };
	struct fault fault;
	int status;
	bool good;

	workers.salts = audit_salts_open(run->context, &fault);
	if (workers.salts == NULL)
		return command_fail(&fault);
	progress_start("records judged", &workers.records);
	good = replay_workers_run(&workers, files->paths, files->n, &fault);
	progress_stop();
	if (good && workers.records == 0 && workers.unread >= files->n)
		status = (int)workers.unread_kind;
	else
		status = good ? print(run, &workers) : command_fail(&fault);
	replay_workers_free(&workers);
	salts_close(workers.salts);
	return status;
}

static struct store *
open_rules(struct replaying *run, struct fault *fault)
{
	return run->nrules == 0 ? command_store(run->context, fault) :
	    scratch_open_files(run->context, run->rules, fault);
}

static bool
assigns(const char *assignment, const char *name)
{
	struct slice s = slice_of(assignment);

	return slice_is_nocase(slice_trim(slice_make(s.p, slice_find(s, '='))), name);
}

static bool
take_time(struct replaying *run, int c, int *status)
{
	if (audit_time(optarg, c == OPTION_UNTIL, c == OPTION_SINCE ?
	    &run->span.since : &run->span.until))
		return true;
	*status = command_usage(run->context, "\"%s\" is not a time; expected "
	    "2026-03-01, 2026-03-01T12:00:00Z or 7d", optarg);
	return false;
}

/* Refuses options that exclude each other. */
static bool
fits(struct replaying *run, size_t assignments, int *status)
{
	const struct replay_span *span = &run->span;

	if (run->as_then && (run->nrules > 0 || assignments > 0 || run->left))
		*status = command_usage(run->context, "--as-then takes rules "
		    "and settings of the day: not -r, nor -o, nor --left");
	else if (span->until != 0 && span->since >= span->until)
		*status = command_usage(run->context,
		    "--since is not before --until");
	else
		return true;
	return false;
}

/* False: stop and return *status. */
static bool
take_options(struct replaying *run, int argc, char **argv, int *status)
{
	const char *assignments[REPLAY_OPTIONS_MAX];
	size_t n = 0;
	struct fault fault;
	int c;

	while ((c = command_getopt(run->context, argc, argv, status)) != -1) {
		if (c == '?')
			return false;
		if (c == 'r' && run->nrules < RULEFILE_SOURCES_MAX)
			run->rules[run->nrules++] = optarg;
		else if (c == 'o' && n < REPLAY_OPTIONS_MAX)
			assignments[n++] = optarg;
		else if (c == OPTION_SINCE || c == OPTION_UNTIL) {
			if (!take_time(run, c, status))
				return false;
		} else if (c == 'v')
			run->verbose = true;
		else if (c == OPTION_JSON)
			run->json = true;
		else if (c == OPTION_LEFT)
			run->left = true;
		else if (c == OPTION_AS_THEN)
			run->as_then = true;
		else {
			*status = command_usage(run->context,
			    "too many options -%c", c);
			return false;
		}
	}
	if (!fits(run, n, status))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!settings_assign(&run->context->settings,
		    slice_of(assignments[i]), &fault)) {
			*status = command_fail(&fault);
			return false;
		}
		run->own_mode |= assigns(assignments[i], "mode");
		run->own_exempt |= assigns(assignments[i], "exempt-clients");
	}
	settings_eval_options(&run->context->settings, &run->eval);
	return true;
}

/* replay --left reads the files twice. */
static int
replay_leaving(struct replaying *run, const struct audit_files *files,
    struct store *store)
{
	struct outbound_options outbound;

	if (!audit_is_twice_readable(run->context, files))
		return FAULT_USAGE;
	outbound_options_of(&run->context->settings, &outbound);
	outbound.monitor = outbound.monitor && run->own_mode;
	return replay_left(files, store, &outbound, &run->span, run->json);
}

static int
as_then(const struct replaying *run, char **operands)
{
	struct audit_files files;
	struct fault fault;
	int status;

	if (!command_enter_folder(run->context, &fault) ||
	    !audit_files(run->context, operands, &files, &fault))
		return command_fail(&fault);
	status = replay_then(run->context, &files, &run->span, run->verbose,
	    run->json);
	audit_files_free(&files);
	return status;
}

static int
run(struct context *context, int argc, char **argv)
{
	struct replaying *run = calloc(1, sizeof *run);
	struct audit_files files;
	struct store *store;
	struct fault fault;
	int status;

	if (run == NULL) {
		fault_no_memory(&fault);
		return command_fail(&fault);
	}
	run->context = context;
	if (!take_options(run, argc, argv, &status)) {
		free(run);
		return status;
	}
	if (run->as_then) {
		status = as_then(run, argv + optind);
		free(run);
		return status;
	}
	/*
	 * Read the rules first: opening the log may end root's right to them.
	 */
	if ((store = open_rules(run, &fault)) == NULL) {
		status = command_fail(&fault);
	} else if (!audit_files(context, argv + optind, &files, &fault)) {
		status = command_fail(&fault);
		store_close(store);
	} else {
		status = run->left ? replay_leaving(run, &files, store) :
		    replay(run, &files, store);
		audit_files_free(&files);
		store_close(store);
	}
	free(run);
	return status;
}

const struct command command_replay = {
	"replay", "[AUDIT...]",
	"Judge recorded mail again, by new rules", options, run,
	NULL
};
