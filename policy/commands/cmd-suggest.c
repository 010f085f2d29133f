/* tlspolicy suggest: rules that recorded mail satisfies. */
#include <getopt.h>
#include <string.h>

#include "policy/commands/audit-filter.h"
#include "policy/commands/audit.h"
#include "policy/commands/progress.h"
#include "policy/commands/ruleset.h"
#include "policy/commands/scratch.h"
#include "policy/suggest/left.h"

#define DAY_US INT64_C(86400000000)

enum { MAILS_DEFAULT = 20, DAYS_DEFAULT = 7, TEMP_DEFAULT = 14,
	PERM_DEFAULT = 28, WINDOW_DEFAULT = 30, NUMBER_MAX = 1000000 };

enum { OPTION_MAILS = OPTION_SUGGEST, OPTION_DAYS, OPTION_TEMP, OPTION_PERM,
	OPTION_WINDOW, OPTION_CN, OPTION_BIND, OPTION_PROFILES,
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
	{ OPTION_WINDOW, "window", "DAYS",
	    "only the last days of the log count, 30; 0: all" },
	AUDIT_OPTION_SINCE,
	AUDIT_OPTION_UNTIL,
	{ OPTION_DOMAIN, "domain", "DOMAIN",
	    "only senders of this domain or below" },
	{ OPTION_CLIENT, "client", "CLIENT",
	    "only mail of this host, address or network" },
	AUDIT_OPTION_SALTS,
	{ OPTION_CN, "cn", NULL, "pin the name in a partner's certificates" },
	{ OPTION_BIND, "bind", NULL,
	    "bind a sender to its hosts, where they are few" },
	{ 'r', NULL, "RULES", "propose the profiles of these rules" },
	{ OPTION_PROFILES, "profiles", NULL,
	    "make a profile where many proposals are alike" },
	{ OPTION_WHY_NOT, "why-not", NULL,
	    "name the other domains as comments" },
	{ 0, NULL, NULL, NULL }
};

struct walk_state {
	struct suggest *suggest;
	int64_t since, until, latest;
	int32_t window; /* days before the latest record; 0: `since` counts */
	const char *client; /* NULL: all */
	struct store_reader *reader; /* of the last reading, under the
				      * proposals */
	struct left left; /* the same reading's: 40 kB */
	char *paths[RULEFILE_SOURCES_MAX + 1]; /* whose profiles may fit */
	size_t npaths;
	bool failed;
};

static bool
is_about_left(const struct walk_state *state)
{
	return state->suggest->tag == TAG_RCPT;
}

static bool
is_in_time(const struct walk_state *state, const struct reader_record *record)
{
	return record->time_us >= state->since &&
	    record->time_us < state->until;
}

static bool
is_asked_for(const struct walk_state *state, const struct reader_record *record)
{
	return is_in_time(state, record) && (state->client == NULL ||
	    audit_from_client(state->client, &record->facts));
}

static bool
note_latest(void *arg, struct reader_record *record,
    const struct reader *reader)
{
	struct walk_state *state = arg;

	(void)reader;
	if (record->time_us < state->until && record->time_us > state->latest)
		state->latest = record->time_us;
	return true;
}

static bool
add(void *arg, struct reader_record *record, const struct reader *reader)
{
	struct walk_state *state = arg;

	(void)reader;
	if (!is_asked_for(state, record))
		return true;
	state->failed = !suggest_add(state->suggest, record);
	return !state->failed;
}

static bool
check(void *arg, struct reader_record *record, const struct reader *reader)
{
	struct walk_state *state = arg;

	(void)reader;
	if (is_asked_for(state, record))
		suggest_check(state->suggest, record, state->reader);
	return true;
}

/* The record is of mail that left, or was kept for want of TLS. */
static bool
is_of_left(const struct reader_record *record)
{
	return record->event == RECORD_DELIVERED ||
	    (record->event == RECORD_HANDSHAKE && record->handshake.failed);
}

static bool
note_latest_left(void *arg, const struct reader_record *record)
{
	struct walk_state *state = arg;

	if (is_of_left(record) &&
	    record->time_us < state->until && record->time_us > state->latest)
		state->latest = record->time_us;
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

	state->failed = is_of_left(record) && is_in_time(state, record) &&
	    !(record->event == RECORD_HANDSHAKE ?
	    suggest_left_failed(state->suggest, record) :
	    suggest_left_add(state->suggest, record));
	return !state->failed;
}

static bool
check_left(void *arg, const struct reader_record *record)
{
	struct walk_state *state = arg;

	if (is_of_left(record) && is_in_time(state, record))
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
	bool left = is_about_left(state);
	struct audit_walk second = { .each = left ? NULL : check,
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

/* One reading finds the latest record, from which the window goes back. */
static bool
find_window(struct walk_state *state, const struct audit_files *files,
    struct fault *fault)
{
	bool left = is_about_left(state);
	struct audit_walk first = { .each = left ? NULL : note_latest,
	    .note = left ? note_latest_left : NULL, .arg = state,
	    .again = true };
	int64_t day;

	if (state->window == 0 || state->since != INT64_MIN)
		return true;
	state->latest = INT64_MIN;
	if (!walk(&first, files, "records looked at", fault))
		return false;
	if (state->latest == INT64_MIN)
		return true;
	day = state->latest / DAY_US - (state->latest % DAY_US < 0);
	state->since = (day + 1 - state->window) * DAY_US;
	state->suggest->window = state->window;
	return true;
}

static void
say_unmatched(const struct walk_state *state, size_t records)
{
	const struct suggest *s = state->suggest;

	if (s->records > 0 || records == 0)
		return;
	fprintf(stderr, "of what was asked for%s%.*s%s%s: none of %zu "
	    "record%s\n", s->domain.n > 0 ? ", --domain " : "",
	    SLICE_ARG(s->domain), state->client != NULL ? ", --client " : "",
	    state->client != NULL ? state->client : "", records,
	    records == 1 ? "" : "s");
}

static int
suggest(struct walk_state *state, const struct audit_files *files, bool why_not)
{
	struct suggest *s = state->suggest;
	bool left = is_about_left(state);
	struct audit_walk answers = { .outbound = told,
	    .arg = state, .again = true };
	struct audit_walk first = { .each = left ? NULL : add,
	    .note = left ? add_left : NULL, .arg = state };
	struct fault fault;

	if (!find_window(state, files, &fault) ||
	    (left && !walk(&answers, files, "records read", &fault)) ||
	    !walk(&first, files, "records read", &fault))
		return command_fail(&fault);
	if (!suggest_choose(s)) {
		fault_no_memory(&fault);
		return command_fail(&fault);
	}
	if (!check_all(state, files, &fault))
		return command_fail(&fault);
	suggest_conclude(s);
	if (!suggest_group_domains(s)) {
		fault_no_memory(&fault);
		return command_fail(&fault);
	}
	audit_say_torn(first.torn);
	audit_say_hidden(&first.hidden);
	audit_say_withdrawn(first.withdrawn);
	if (!left)
		audit_say_maillog(first.maillog, first.untold,
		    first.delivered);
	if (state->client != NULL)
		printf("# Only mail of %s was looked at.\n", state->client);
	if (first.unread > 0)
		printf("# %llu of the files could not be read to the end.\n",
		    (unsigned long long)first.unread);
	suggest_print(s, why_not, stdout);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fault_set(&fault, FAULT_IO, "cannot write the rules");
		return command_fail(&fault);
	}
	say_unmatched(state, first.records);
	audit_say_unread(first.unread);
	return audit_status(first.unread, first.unread_kind, first.bad);
}

static bool
refuse(const struct context *context, const char *value, const char *what)
{
	return command_usage(context, "\"%s\" is not %s", value, what) ==
	    EXIT_FINE;
}

/* False: a usage error, which was told. */
static bool
take_number(const struct context *context, struct walk_state *state, int c)
{
	struct suggest *s = state->suggest;
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
	case OPTION_WINDOW:
		state->window = (int32_t)number;
		break;
	default:
		s->perm_days = (int32_t)number;
		break;
	}
	return true;
}

static bool
take(const struct context *context, struct walk_state *state, int c)
{
	switch (c) {
	case OPTION_SINCE:
	case OPTION_UNTIL:
		return audit_time(optarg, c == OPTION_UNTIL,
		    c == OPTION_SINCE ? &state->since : &state->until) ||
		    refuse(context, optarg, "a time: want 2026-03-01, "
		    "2026-03-01T12:00:00Z or 7d");
	case OPTION_DOMAIN:
		state->suggest->domain = slice_of(optarg);
		return audit_is_domain(optarg) || refuse(context, optarg,
		    "a domain: want example.com");
	case OPTION_CLIENT:
		state->client = optarg;
		return audit_is_client(optarg) || refuse(context, optarg,
		    AUDIT_CLIENT_WANTED);
	case OPTION_CN:
		return state->suggest->pin = true;
	case OPTION_BIND:
		return state->suggest->bind = true;
	case OPTION_PROFILES:
		return state->suggest->make_profiles = true;
	case 'r':
		if (state->npaths == RULEFILE_SOURCES_MAX)
			return command_usage(context, "too many options -r") ==
			    EXIT_FINE;
		state->paths[state->npaths++] = optarg;
		return true;
	default:
		return take_number(context, state, c);
	}
}

/*
 * A window shorter than the days of evidence asked for never has enough: widen
 * it.
 */
static void
widen_window(struct walk_state *state)
{
	const struct suggest *s = state->suggest;
	const int32_t days[] = { s->min_days, s->temp_days, s->perm_days };

	for (size_t i = 0; i < sizeof days / sizeof days[0]; i++)
		if (state->window > 0 && state->window < days[i])
			state->window = days[i];
}

static int
with_files(const struct context *context, struct walk_state *state,
    char **paths, bool why_not)
{
	struct audit_files files;
	struct fault fault;
	int status;

	if (!audit_files(context, paths, &files, &fault))
		return command_fail(&fault);
	status = audit_is_twice_readable(context, &files) ?
	    suggest(state, &files, why_not) : FAULT_USAGE;
	audit_files_free(&files);
	return status;
}

/* Reads the rules first: opening the log may end root's right to them. */
static int
with_rules(const struct context *context, struct walk_state *state,
    char **paths, bool why_not)
{
	struct rulefile rules;
	struct fault fault;
	int status = EXIT_FINE;

	rulefile_init(&rules, NULL, NULL);
	if (state->npaths > 0) {
		if (!ruleset_read(context, state->paths, &rules, &fault))
			status = command_fail(&fault);
		state->suggest->rules = &rules;
	}
	if (status == EXIT_FINE)
		status = with_files(context, state, paths, why_not);
	rulefile_free(&rules);
	suggest_free(state->suggest);
	return status;
}

static int
run(struct context *context, int argc, char **argv)
{
	struct suggest s;
	struct walk_state state = { .suggest = &s, .since = INT64_MIN,
	    .until = INT64_MAX, .window = WINDOW_DEFAULT };
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
		else if (!take(context, &state, c))
			return FAULT_USAGE;
	}
	if (state.client != NULL && is_about_left(&state))
		return command_usage(context, "--left has no clients: "
		    "--client is for mail that came");
	if (state.since >= state.until)
		return command_usage(context, "--since is not before --until");
	if (s.bind && is_about_left(&state))
		return command_usage(context, "--left has no clients: "
		    "--bind is for mail that came");
	widen_window(&state);
	return with_rules(context, &state, argv + optind, why_not);
}

const struct command command_suggest = {
	"suggest", "[AUDIT...]",
	"Propose rules that recorded mail satisfies", options, run,
	"tlspolicy-suggest(1)"
};
