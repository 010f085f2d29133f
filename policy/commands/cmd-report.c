/* tlspolicy report: what the audit log says of a span of days. */
#include <getopt.h>
#include <stdlib.h>

#include "policy/commands/audit.h"
#include "policy/commands/progress.h"
#include "policy/report/report.h"

enum { TOP_DEFAULT = 50, SOON_DEFAULT = 30, STEADY_DEFAULT = 10,
	NUMBER_MAX = 1000000 };

enum { OPTION_CSV = OPTION_REPORT, OPTION_HTML, OPTION_TOP, OPTION_SOON,
	OPTION_STEADY };

static const struct command_option options[] = {
	{ OPTION_DOMAIN, "domain", "NAME",
	    "a statement on the senders in this domain" },
	AUDIT_OPTION_SINCE,
	AUDIT_OPTION_UNTIL,
	{ OPTION_TOP, "top", "NUMBER", "rows of long tables, 50" },
	{ OPTION_SOON, "soon", "DAYS", "tell rules that end within, 30" },
	{ OPTION_STEADY, "steady", "NUMBER",
	    "mails over TLS that make clear an alarm, 10" },
	{ OPTION_CSV, "csv", NULL, "a row for each day of each domain" },
	{ OPTION_HTML, "html", NULL, "one page for a browser or a printer" },
	COMMAND_OPTION_JSON,
	{ 0, NULL, NULL, NULL }
};

struct asked {
	struct report *report;
	bool (*print)(const struct report *, FILE *);
};

static bool
each(void *arg, struct reader_record *record, const struct reader *reader)
{
	(void)reader;
	return report_add(arg, record);
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
	struct report *report = asked->report;
	unsigned long number;

	switch (c) {
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

static int
make(const struct asked *asked, const struct audit_files *files)
{
	struct audit_walk walk = { .each = each, .arg = asked->report };
	struct fault fault;
	bool good;

	progress_start("records read", &walk.records);
	good = audit_walk(&walk, files, &fault);
	progress_stop();
	if (good && asked->report->failed) {
		fault_no_memory(&fault);
		good = false;
	}
	if (!good)
		return command_fail(&fault);
	report_finish(asked->report);
	if (!asked->print(asked->report, stdout)) {
		fault_no_memory(&fault);
		return command_fail(&fault);
	}
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fault_set(&fault, FAULT_IO, "cannot write the report");
		return command_fail(&fault);
	}
	audit_say_torn(walk.torn);
	audit_say_withdrawn(walk.withdrawn);
	audit_say_unrecorded(walk.unrecorded);
	audit_say_maillog(walk.maillog, walk.untold, walk.delivered);
	if (walk.bad > 0)
		fprintf(stderr, "%llu line%s could not be read and %s not in "
		    "the report\n", (unsigned long long)walk.bad,
		    walk.bad == 1 ? "" : "s", walk.bad == 1 ? "is" : "are");
	say_unmatched(asked->report, walk.records);
	return walk.bad > 0 ? FAULT_DATA : EXIT_FINE;
}

static int
run(struct context *context, int argc, char **argv)
{
	struct report report;
	struct asked asked = { .report = &report, .print = report_text };
	struct audit_files files;
	struct fault fault;
	int c, status;

	report_init(&report);
	report.top = TOP_DEFAULT;
	report.soon = SOON_DEFAULT;
	report.steady = STEADY_DEFAULT;
	while ((c = command_getopt(context, argc, argv, &status)) != -1) {
		if (c == '?')
			return status;
		if (!take(context, &asked, c))
			return FAULT_USAGE;
	}
	if (report.since >= report.until)
		return command_usage(context, "--since is not before --until");
	if (!audit_files(context, argv + optind, &files, &fault))
		return command_fail(&fault);
	status = make(&asked, &files);
	audit_files_free(&files);
	report_free(&report);
	return status;
}

const struct command command_report = {
	"report", "[AUDIT...]",
	"Sum up what came in, how well protected, and what changed", options, run,
	"tlspolicy-report(1)"
};
