/* tlspolicy suggest: rules that all recorded mail satisfies. */
#include <getopt.h>
#include <string.h>

#include "policy/commands/audit.h"
#include "policy/commands/progress.h"
#include "policy/commands/scratch.h"
#include "policy/suggest/left.h"

enum { MAILS_DEFAULT = 20, DAYS_DEFAULT = 7, TEMP_DEFAULT = 14,
	PERM_DEFAULT = 28, NUMBER_MAX = 1000000 };

enum { OPTION_MAILS = OPTION_SUGGEST, OPTION_DAYS, OPTION_TEMP, OPTION_PERM,
	OPTION_WHY_NOT, OPTION_LEFT };

static const struct command_option options[] = {
	{ OPTION_LEFT, "left", NULL, "of mail that left, by a mail log" },
	{ OPTION_MAILS, "mails", "NUMBER", "at least so many mails, 20" },
	{ OPTION_DAYS, "days", "NUMBER",
	    "seen over so many days for a WARN rule, 7" },
	{ OPTION_TEMP, "tempfail-after", "DAYS",
	    "a WARN rule was satisfied for so long, 14" },
	{ OPTION_PERM, "reject-after", "DAYS",
	    "a tempfailing rule was satisfied for so long, 28" },
	{ OPTION_WHY_NOT, "why-not", NULL,
	    "name the other domains as comments" },
	{ 0, NULL, NULL, NULL }
};

struct walk_state {
	struct suggest *suggest;
	struct store_reader *reader; /* of the second reading */
	struct left left; /* 40 kB, of that one, too */
	bool failed;
};

static bool
add(void *arg, struct reader_record *record, const struct reader *reader)
{
	struct walk_state *state = arg;

	(void)reader;
	state->failed = !suggest_add(state->suggest, record);
	return !state->failed;
}

static bool
check(void *arg, struct reader_record *record, const struct reader *reader)
{
	struct walk_state *state = arg;

	(void)reader;
	suggest_check(state->suggest, record, state->reader);
	return true;
}

static bool
pass_over(void *arg, struct reader_record *record, const struct reader *reader)
{
	(void)arg;
	(void)record;
	(void)reader;
	return true;
}

static bool
told(void *arg, const struct reader_record *record)
{
	struct walk_state *state = arg;

	state->failed = !suggest_left_told(state->suggest, record);
	return !state->failed;
}

static bool
add_left(void *arg, const struct reader_record *record)
{
	struct walk_state *state = arg;

	state->failed = record->event == RECORD_DELIVERED &&
	    !suggest_left_add(state->suggest, record);
	return !state->failed;
}

static bool
check_left(void *arg, const struct reader_record *record)
{
	struct walk_state *state = arg;

	if (record->event == RECORD_DELIVERED)
		suggest_left_check(state->suggest, record, state->reader,
		    &state->left);
	return true;
}

static bool
walk(struct audit_walk *walk, const struct audit_files *files,
    const char *what, struct fault *fault)
{
	const struct walk_state *state = walk->arg;
	bool good;

	progress_start(what, &walk->records);
	good = audit_walk(walk, files, fault);
	progress_stop();
	if (good && state->failed)
		return fault_no_memory(fault);
	return good;
}

static bool
check_all(struct walk_state *state, const struct audit_files *files,
    struct fault *fault)
{
	bool left = state->suggest->tag == TAG_RCPT;
	struct audit_walk second = { .each = left ? pass_over : check,
	    .note = left ? check_left : NULL, .arg = state, .again = true };
	struct store_reader reader;
	struct rulefile rules;
	struct store *store = NULL;
	bool good = suggest_rules(state->suggest, &rules, fault);

	if (good)
		store = scratch_open(&rules, fault);
	rulefile_free(&rules);
	if (store == NULL)
		return false;
	good = store_begin(store, &reader, fault);
	if (good) {
		state->reader = &reader;
		good = walk(&second, files, "records judged", fault);
		store_end(&reader);
	}
	store_close(store);
	return good;
}

static int
suggest(struct suggest *s, const struct audit_files *files, bool why_not)
{
	struct walk_state state = { .suggest = s };
	bool left = s->tag == TAG_RCPT;
	struct audit_walk answers = { .each = pass_over, .outbound = told,
	    .arg = &state, .again = true };
	struct audit_walk first = { .each = left ? pass_over : add,
	    .note = left ? add_left : NULL, .arg = &state };
	struct fault fault;

	if (left && !walk(&answers, files, "records read", &fault))
		return command_fail(&fault);
	if (!walk(&first, files, "records read", &fault))
		return command_fail(&fault);
	if (!suggest_choose(s)) {
		fault_no_memory(&fault);
		return command_fail(&fault);
	}
	if (!check_all(&state, files, &fault))
		return command_fail(&fault);
	audit_say_torn(first.torn);
	audit_say_withdrawn(first.withdrawn);
	if (!left)
		audit_say_maillog(first.maillog, first.untold,
		    first.delivered);
	suggest_print(s, why_not, stdout);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fault_set(&fault, FAULT_IO, "cannot write the rules");
		return command_fail(&fault);
	}
	audit_say_unread(first.unread);
	return audit_status(first.unread, first.unread_kind, first.bad);
}

/* False: a usage error, which was told. */
static bool
take(const struct context *context, struct suggest *s, int c)
{
	unsigned long number;

	if (!command_number(context, c, 0, NUMBER_MAX, &number))
		return false;
	switch (c) {
	case OPTION_MAILS:
		s->min_mails = number;
		break;
	case OPTION_DAYS:
		s->min_days = (int32_t)number;
		break;
	case OPTION_TEMP:
		s->temp_days = (int32_t)number;
		break;
	default:
		s->perm_days = (int32_t)number;
		break;
	}
	return true;
}

static bool
is_twice_readable(const struct context *context,
    const struct audit_files *files)
{
	if (!audit_has_pipe(files))
		return true;
	command_usage(context, "standard input or a pipe cannot be read "
	    "twice, which this needs: give files");
	return false;
}

static int
run(struct context *context, int argc, char **argv)
{
	struct suggest s;
	struct audit_files files;
	struct fault fault;
	bool why_not = false;
	int c, status;

	suggest_init(&s);
	s.min_mails = MAILS_DEFAULT;
	s.min_days = DAYS_DEFAULT;
	s.temp_days = TEMP_DEFAULT;
	s.perm_days = PERM_DEFAULT;
	while ((c = command_getopt(context, argc, argv, &status)) != -1) {
		if (c == '?')
			return status;
		if (c == OPTION_WHY_NOT)
			why_not = true;
		else if (c == OPTION_LEFT)
			s.tag = TAG_RCPT;
		else if (!take(context, &s, c))
			return FAULT_USAGE;
	}
	if (!audit_files(context, argv + optind, &files, &fault))
		return command_fail(&fault);
	status = is_twice_readable(context, &files) ?
	    suggest(&s, &files, why_not) : FAULT_USAGE;
	audit_files_free(&files);
	suggest_free(&s);
	return status;
}

const struct command command_suggest = {
	"suggest", "[AUDIT...]",
	"Propose rules that all recorded mail satisfies", options, run,
	"tlspolicy-suggest(1)"
};
