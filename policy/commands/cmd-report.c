/* tlspolicy report: what the audit log says of a span of days. */
#include <getopt.h>
#include <stdlib.h>
#include <time.h>

#include "policy/commands/audit.h"
#include "policy/commands/progress.h"
#include "policy/report/report.h"

enum { TOP_DEFAULT = 50, SOON_DEFAULT = 30, STEADY_DEFAULT = 10,
	NUMBER_MAX = 1000000 };

enum { OPTION_CSV = OPTION_REPORT, OPTION_HTML, OPTION_TOP, OPTION_SOON,
	OPTION_STEADY, OPTION_LEFT, OPTION_NODES };

static const struct command_option options[] = {
	{ OPTION_DOMAIN, "domain", "NAME",
	    "a statement on this domain" },
	{ OPTION_LEFT, "left", NULL, "of mail that left, by a mail log" },
	{ OPTION_NODES, "nodes", NULL, "of the nodes alone, a row each" },
	AUDIT_OPTION_SINCE,
	AUDIT_OPTION_UNTIL,
	{ OPTION_TOP, "top", "NUMBER", "rows of long tables, 50" },
	{ OPTION_SOON, "soon", "DAYS", "tell rules that end within, 30" },
	{ OPTION_STEADY, "steady", "NUMBER",
	    "mails over TLS that make clear an alarm, 10" },
	{ OPTION_CSV, "csv", NULL, "a row for each day of each domain" },
	{ OPTION_HTML, "html", NULL, "one page for a browser or a printer" },
	AUDIT_OPTION_SALTS,
	COMMAND_OPTION_JSON,
	{ 0, NULL, NULL, NULL }
};

struct asked {
	struct report came, gone;
	struct told told;
	struct basis basis;
	bool left; /* of `gone` alone */
	report_form *print;
};

static bool
each(void *arg, struct reader_record *record, const struct reader *reader)
{
	struct asked *asked = arg;

	(void)reader;
	return basis_add(&asked->basis, record) &&
	    (asked->left || report_add(&asked->came, record));
}

static bool
note(void *arg, const struct reader_record *record)
{
	struct asked *asked = arg;

	if (record->event == RECORD_HANDSHAKE && !record->maillog)
		return report_add(&asked->gone, record);
	return (record->event != RECORD_DELIVERED &&
	    record->event != RECORD_HANDSHAKE) ||
	    (basis_add(&asked->basis, record) &&
	    report_add(&asked->gone, record));
}

static bool
look(void *arg, const struct fleet_line *line)
{
	struct asked *asked = arg;

	return basis_look(&asked->basis, line);
}

/* Takes answers to MTAs, before any mail: they stand in other files. */
static bool
answer(void *arg, const struct reader_record *record)
{
	struct asked *asked = arg;

	asked->gone.failed |= !told_add(&asked->told, record);
	return !asked->gone.failed;
}

static bool
take_time(const struct context *context, const char *word, bool end,
    int64_t *time)
{
	if (audit_time(word, end, time))
		return true;
	command_usage(context, "\"%s\" is not a time; expected "
	    "2026-11-21, 2026-11-21T12:00:00Z or 7d", word);
	return false;
}

static bool
take_format(const struct context *context, struct asked *asked, int c)
{
	if (asked->print != report_text) {
		command_usage(context, "--csv, --html and --json exclude each "
		    "other");
		return false;
	}
	asked->print = c == OPTION_CSV ? report_csv :
	    c == OPTION_HTML ? report_html : report_json;
	return true;
}

/* False: a usage error, which was told. */
static bool
take(const struct context *context, struct asked *asked, int c)
{
	struct report *report = &asked->came;
	unsigned long number;

	switch (c) {
	case OPTION_LEFT:
		return asked->left = true;
	case OPTION_NODES:
		return asked->came.nodes = true;
	case OPTION_DOMAIN:
		report->domain = slice_of(optarg);
		return audit_is_domain(optarg) || command_usage(context,
		    "\"%s\" is not a domain; expected example.com",
		    optarg) == 0;
	case OPTION_SINCE:
		return take_time(context, optarg, false, &report->since);
	case OPTION_UNTIL:
		return take_time(context, optarg, true, &report->until);
	case OPTION_TOP:
		if (!command_number(context, c, 0, NUMBER_MAX, &number))
			return false;
		report->top = number;
		return true;
	case OPTION_SOON:
		if (!command_number(context, c, 0, NUMBER_MAX, &number))
			return false;
		report->soon = (int32_t)number;
		return true;
	case OPTION_STEADY:
		if (!command_number(context, c, 0, NUMBER_MAX, &number))
			return false;
		report->steady = number;
		return true;
	default:
		return take_format(context, asked, c);
	}
}

/* Nothing to sum up is not the same as nothing there. */
static void
say_unmatched(const struct report *report, unsigned long records)
{
	if (report->records > 0 || records == 0)
		return;
	if (report->domain.n > 0)
		fprintf(stderr, "--domain %.*s: none of %lu record%s\n",
		    SLICE_ARG(report->domain), records,
		    records == 1 ? "" : "s");
	else
		fprintf(stderr, "of that time: none of %lu record%s\n",
		    records, records == 1 ? "" : "s");
}

/* With a domain, mail that came and mail that left; else one of them. */
static bool
print(struct asked *asked)
{
	bool both = asked->came.domain.n > 0 && !asked->left;

	report_finish(&asked->came);
	report_finish(&asked->gone);
	if (asked->left)
		return asked->print(&asked->gone, NULL, stdout);
	return asked->print(&asked->came, both ? &asked->gone : NULL, stdout);
}

/*
 * Reads all answers first: mail that left is held against what was told before.
 */
static bool
read_answers(struct asked *asked, const struct audit_files *files,
    struct audit_walk *walk, struct fault *fault)
{
	if (!audit_walk(walk, files, fault))
		return false;
	told_sort(&asked->told);
	return true;
}

static void
note_basis(struct basis *b, const struct audit_walk *w, size_t files)
{
	b->files = files;
	b->unread = w->unread;
	b->lines = w->records + w->notes + w->torn + w->bad + w->withdrawn;
	b->torn = w->torn;
	b->bad = w->bad;
	b->withdrawn = w->withdrawn;
	b->unrecorded = w->unrecorded;
	basis_finish(b);
}

static int
make(struct asked *asked, const struct audit_files *files)
{
	struct audit_walk walk = { .each = each, .note = note, .look = look,
		.arg = asked },
	    first = { .outbound = answer, .arg = asked, .again = true };
	bool gone = asked->left || asked->came.domain.n > 0, good;
	struct fault fault;

	/*
	 * Answers to MTAs are read first; a pipe can be read only once, and
	 * has none.
	 */
	good = !gone || audit_has_pipe(files) ||
	    read_answers(asked, files, &first, &fault);
	progress_start("records read", &walk.records);
	good = good && audit_walk(&walk, files, &fault);
	progress_stop();
	audit_add_unread(&walk, &first);
	if (good && (asked->came.failed || asked->gone.failed ||
	    asked->basis.failed)) {
		fault_no_memory(&fault);
		good = false;
	}
	if (!good)
		return command_fail(&fault);
	note_basis(&asked->basis, &walk, files->n);
	if (asked->basis.failed || !print(asked)) {
		fault_no_memory(&fault);
		return command_fail(&fault);
	}
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fault_set(&fault, FAULT_IO, "cannot write the report");
		return command_fail(&fault);
	}
	if (!asked->left)
		say_unmatched(&asked->came, walk.records);
	audit_say_torn(walk.torn);
	audit_say_hidden(&walk.hidden);
	audit_say_withdrawn(walk.withdrawn);
	audit_say_unrecorded(walk.unrecorded);
	audit_say_maillog(asked->left ? 0 : walk.maillog,
	    asked->left ? 0 : walk.untold, gone ? 0 : walk.delivered);
	if (asked->left && walk.records > 0)
		fprintf(stderr, "%zu records of mail that came in left out\n",
		    walk.records);
	if (asked->gone.records > 0 && asked->told.n == 0)
		fprintf(stderr, "what MTAs were told is not in these files: "
		    "no mail that left was held against it\n");
	if (walk.bad > 0)
		fprintf(stderr, "%llu line%s could not be read and %s not in "
		    "the report\n", (unsigned long long)walk.bad,
		    walk.bad == 1 ? "" : "s", walk.bad == 1 ? "is" : "are");
	audit_say_unread(walk.unread);
	return audit_status(walk.unread, walk.unread_kind, walk.bad);
}

/* Options of the report count for both directions. */
static void
start_leaving(struct asked *asked)
{
	int64_t now = (int64_t)time(NULL) * 1000000;

	basis_init(&asked->basis);
	asked->basis.since = asked->came.since;
	/* A day that has not come yet has no records either. */
	asked->basis.until = asked->came.until == INT64_MAX ||
	    asked->came.until < now ? asked->came.until : now;
	asked->came.basis = &asked->basis;
	asked->gone = asked->came;
	asked->gone.leaving = true;
	asked->gone.told = &asked->told;
}

/* False: a usage error, which was told. */
static bool
take_options(struct context *context, struct asked *asked, int argc,
    char **argv, int *status)
{
	int c;

	while ((c = command_getopt(context, argc, argv, status)) != -1) {
		if (c == '?')
			return false;
		if (!take(context, asked, c)) {
			*status = FAULT_USAGE;
			return false;
		}
	}
	return true;
}

static int
run(struct context *context, int argc, char **argv)
{
	struct asked asked = { .print = report_text };
	struct audit_files files;
	struct fault fault;
	int status;

	report_init(&asked.came);
	asked.came.top = TOP_DEFAULT;
	asked.came.soon = SOON_DEFAULT;
	asked.came.steady = STEADY_DEFAULT;
	if (!take_options(context, &asked, argc, argv, &status))
		return status;
	if (asked.came.since >= asked.came.until)
		return command_usage(context, "--since is not before --until");
	if (!audit_files(context, argv + optind, &files, &fault))
		return command_fail(&fault);
	told_init(&asked.told);
	start_leaving(&asked);
	status = make(&asked, &files);
	audit_files_free(&files);
	report_free(&asked.came);
	report_free(&asked.gone);
	told_free(&asked.told);
	basis_free(&asked.basis);
	return status;
}

const struct command command_report = {
	"report", "[AUDIT...]",
	"Sum up what came in, how well protected, and what changed", options, run,
	"tlspolicy-report(1)"
};
