/*
 * Record by record, in one thread: the log tells of each policy before its
 * verdicts, and by that a store that was built anew is told from the one that
 * judged.
 */
#include <stdlib.h>
#include <string.h>

#include "policy/commands/past.h"
#include "policy/commands/progress.h"
#include "policy/commands/replay-then.h"
#include "policy/replay/report.h"

/* Why a record was not judged. */
enum untold {
	UNTOLD_NONE,
	UNTOLD_NO_POLICY,
	UNTOLD_NOT_KEPT,
	UNTOLD_ANOTHER,
	UNTOLD_SETTINGS,
	UNTOLD_MAILLOG,
	UNTOLD_PEOPLE,
	UNTOLD_HEADER,
	UNTOLD_PLAN,
	UNTOLD_COUNT
};

static const char *const reasons[UNTOLD_COUNT] = {
	[UNTOLD_NO_POLICY] = "no policy judged: the store could not be asked",
	[UNTOLD_NOT_KEPT] = "the generation is not kept",
	[UNTOLD_ANOTHER] = "the store's generation of that number is another",
	[UNTOLD_SETTINGS] = "nobody told the settings",
	[UNTOLD_MAILLOG] = "made of a mail log: nothing judged it",
	[UNTOLD_PEOPLE] = "people in it are not told",
	[UNTOLD_HEADER] = "there were rules for the From field of its header, "
	    "which is not recorded",
	[UNTOLD_PLAN] = "the policy of a plan gave the verdict",
};

struct then {
	struct past past;
	struct replay replay;
	struct replay_report report;
	struct eval_options options;
	struct audit_walk walk;
	enum untold untold; /* of the record at hand */
	uint64_t counts[UNTOLD_COUNT];
	struct fault fault;
};

static struct store_reader *
rules_of(struct then *t, const struct reader_record *r, uint64_t number)
{
	struct store_reader *reader = NULL;
	struct fault why;

	switch (past_rules(&t->past, r, number, &reader, &why)) {
	case PAST_FOUND:
		break;
	case PAST_NO_POLICY:
		t->untold = UNTOLD_NO_POLICY;
		break;
	case PAST_NOT_KEPT:
		t->untold = UNTOLD_NOT_KEPT;
		break;
	case PAST_ANOTHER:
		t->untold = UNTOLD_ANOTHER;
		break;
	case PAST_FAILED:
		t->fault = why;
		break;
	}
	return reader;
}

static struct store_reader *
reader_of(struct replay *p, const struct reader_record *r, uint64_t number)
{
	return rules_of(p->arg, r, number);
}

static bool
prepare(struct replay *p, const struct reader_record *r)
{
	struct then *t = p->arg;
	const struct settings *settings;

	t->untold = r->maillog ? UNTOLD_MAILLOG : r->blind ? UNTOLD_PEOPLE :
	    r->plan.answered ? UNTOLD_PLAN : UNTOLD_NONE;
	past_next_record(&t->past);
	if (t->untold != UNTOLD_NONE ||
	    (p->reader = rules_of(t, r, r->generation)) == NULL)
		return false;
	if ((settings = past_settings(&t->past, r)) == NULL) {
		t->untold = UNTOLD_SETTINGS;
		return false;
	}
	settings_eval_options(settings, &t->options);
	p->options = &t->options;
	p->own_mode = true;
	p->own_exempt = settings;
	return true;
}

static bool
each(void *arg, struct reader_record *r, const struct reader *reader)
{
	struct then *t = arg;

	(void)reader;
	if (!replay_judge(&t->replay, r))
		return fault_no_memory(&t->fault);
	if (t->fault.kind != FAULT_NONE)
		return false;
	if (t->replay.unknown) {
		if (t->untold == UNTOLD_NONE && t->replay.header_missing)
			t->untold = UNTOLD_HEADER;
		t->counts[t->untold]++;
		t->report.unjudged++;
		return true;
	}
	return replay_report_add(&t->report, r, &t->replay, &t->fault);
}

static bool
note(void *arg, const struct reader_record *r)
{
	struct then *t = arg;

	return past_note(&t->past, r) || fault_no_memory(&t->fault);
}

static void
say_unjudged(const struct then *t)
{
	for (int i = UNTOLD_NONE + 1; i < UNTOLD_COUNT; i++)
		if (t->counts[i] > 0)
			fprintf(stderr, "%llu record%s not judged again: %s\n",
			    (unsigned long long)t->counts[i],
			    t->counts[i] == 1 ? "" : "s", reasons[i]);
}

static int
print(struct then *t, bool verbose, bool json)
{
	struct fault fault;

	audit_say_torn(t->walk.torn);
	audit_say_hidden(&t->walk.hidden);
	audit_say_withdrawn(t->walk.withdrawn);
	audit_say_unrecorded(t->walk.unrecorded);
	say_unjudged(t);
	if (json ? !replay_report_json(&t->report, t->walk.records, stdout) :
	    !replay_report_print(&t->report, t->walk.records, verbose,
	    &t->replay, stdout)) {
		fault_no_memory(&fault);
		return command_fail(&fault);
	}
	audit_say_outside(t->walk.outside, t->walk.records);
	audit_say_unread(t->walk.unread);
	if (t->walk.unread + t->walk.bad > 0)
		return audit_status(t->walk.unread, t->walk.unread_kind,
		    t->walk.bad);
	return replay_report_differs(&t->report) || t->report.unjudged > 0 ||
	    t->walk.records == 0 ? EXIT_FINDINGS : EXIT_FINE;
}

int
replay_then(const struct context *context, const struct audit_files *files,
    const struct replay_span *span, bool verbose, bool json)
{
	struct then *t = calloc(1, sizeof *t);
	struct fault fault;
	int status;

	if (t == NULL) {
		fault_no_memory(&fault);
		return command_fail(&fault);
	}
	t->past.context = context;
	t->replay.prepare = prepare;
	t->replay.reader_of = reader_of;
	t->replay.arg = t;
	t->walk.each = each;
	t->walk.note = note;
	t->walk.arg = t;
	t->walk.since = span->since;
	t->walk.until = span->until;
	replay_report_init(&t->report);
	t->report.as_then = true;
	progress_start("records judged", &t->walk.records);
	if (!audit_walk(&t->walk, files, &fault) &&
	    t->fault.kind == FAULT_NONE)
		t->fault = fault;
	progress_stop();
	status = t->fault.kind == FAULT_NONE ? print(t, verbose, json) :
	    command_fail(&t->fault);
	replay_report_free(&t->report);
	past_free(&t->past);
	free(t);
	return status;
}
