/* tlspolicy audit from-log: records made of an MTA's own log. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "policy/audit/logset.h"
#include "policy/commands/audit.h"
#include "policy/commands/word.h"
#include "policy/commands/progress.h"
#include "policy/maillog/maillog.h"

enum { OPTION_YEAR = OPTION_REPORT, YEAR_LEAST = 1980, YEAR_MOST = 9999 };

static const struct command_option options[] = {
	{ OPTION_MTA, "mta", "MTA", "only lines of postfix or sendmail" },
	AUDIT_OPTION_SINCE,
	AUDIT_OPTION_UNTIL,
	{ OPTION_YEAR, "year", "YEAR", "of each file's first line" },
	{ 0, NULL, NULL, NULL }
};

static bool
is_exempt(void *arg, const struct facts *facts)
{
	const struct context *context = arg;

	return settings_exempt(&context->settings, facts);
}

static bool
print(void *arg, struct slice line)
{
	(void)arg;
	return fwrite(line.p, 1, line.n, stdout) == line.n;
}

/* Records of a mail log have no place in the audit log's chain. */
static bool
is_audit_file(const struct context *context)
{
	struct stat out, log;

	return !source_is_stream(context->settings.audit_file) &&
	    fstat(STDOUT_FILENO, &out) == 0 &&
	    stat(context->settings.audit_file, &log) == 0 &&
	    out.st_dev == log.st_dev && out.st_ino == log.st_ino;
}

struct log {
	char *path;
	bool unread;
	size_t place; /* on the command line */
	int64_t written, first_us;
};

struct logs {
	struct log *list;
	size_t n;
	size_t unread; /* that cannot be read, or not to their end */
	enum fault_kind unread_kind; /* of the first */
};

/* When a file was last written; of a pipe, now. */
static int64_t
last_written(const char *path)
{
	struct stat st;

	return strcmp(path, "-") != 0 && stat(path, &st) == 0 &&
	    S_ISREG(st.st_mode) ? (int64_t)st.st_mtime : (int64_t)time(NULL);
}

static void
say(uint64_t n, const char *one, const char *many)
{
	if (n > 0)
		fprintf(stderr, "%llu %s\n", (unsigned long long)n,
		    n == 1 ? one : many);
}

/* How many lines and records, and what no record was made of, by reason. */
static void
say_counts(const struct maillog_counts *c)
{
	fprintf(stderr, "%zu line%s, %zu record%s, %llu of mail that left\n",
	    c->lines, c->lines == 1 ? "" : "s", c->records,
	    c->records == 1 ? "" : "s", (unsigned long long)c->delivered);
	say(c->kept, "of mail that was kept, for want of TLS",
	    "of mail that was kept, for want of TLS");
	say(c->untold, "record cannot tell whether there was TLS: the log has "
	    "no line of that session, or none about TLS before it",
	    "records cannot tell whether there was TLS: the log has no lines "
	    "of those sessions, or none about TLS before them");
	say(c->unended, "message left out: the log does not tell that it was "
	    "taken in", "messages left out: the log does not tell that they "
	    "were taken in");
	say(c->local, "local submission left out",
	    "local submissions left out");
	say(c->unreadable, "line of a session was not understood",
	    "lines of sessions were not understood");
}

static int
judge(const struct maillog_counts *c)
{
	struct fault fault;

	if (c->bad > 0) {
		fault_set(&fault, FAULT_DATA, "expected a time as syslog, "
		    "journalctl or Postfix write it; %llu such line%s left out",
		    (unsigned long long)c->bad, c->bad == 1 ? "" : "s");
		fault_at(&fault, c->bad_file, (unsigned long)c->bad_line, 1);
		return command_fail(&fault);
	}
	if (c->mta == 0) {
		fault_set(&fault, FAULT_DATA, "no line of Postfix or sendmail "
		    "was found");
		return command_fail(&fault);
	}
	return c->unreadable > 0 ? FAULT_DATA : EXIT_FINE;
}

static int
compare(const void *pa, const void *pb)
{
	const struct log *a = pa, *b = pb;

	return a->first_us != b->first_us ?
	    (a->first_us > b->first_us) - (a->first_us < b->first_us) :
	    (a->place > b->place) - (a->place < b->place);
}

/* Passes over a file that cannot be read.  False: the output failed. */
static bool
give_up(struct logs *logs, struct log *log, const struct fault *fault)
{
	if (fault->kind == FAULT_UNAVAILABLE || fault->kind == FAULT_NONE)
		return false;
	fault_report(fault, stderr);
	log->unread = true;
	if (logs->unread++ == 0)
		logs->unread_kind = fault->kind;
	return true;
}

/* Oldest first; a pipe can only be read once, and stays where it is. */
static bool
put_in_order(struct logs *logs, const struct maillog_options *o,
    struct fault *fault)
{
	for (size_t i = 0; i < logs->n; i++)
		if (logset_is_pipe(logs->list[i].path))
			return true;
	for (size_t i = 0; i < logs->n; i++)
		if (!maillog_first(logs->list[i].path, o, logs->list[i].written,
		    &logs->list[i].first_us, fault) &&
		    !give_up(logs, &logs->list[i], fault))
			return false;
	qsort(logs->list, logs->n, sizeof *logs->list, compare);
	return true;
}

static bool
read_logs(struct maillog *m, struct logs *logs, struct fault *fault)
{
	bool good = true;

	for (size_t i = 0; good && i < logs->n; i++) {
		struct log *log = &logs->list[i];

		fault_clear(fault);
		good = log->unread ||
		    maillog_file(m, log->path, log->written, fault) ||
		    give_up(logs, log, fault);
	}
	good = good && maillog_finish(m, fault);
	if (fflush(stdout) != 0 || ferror(stdout))
		return fault_set(fault, FAULT_IO, "cannot write the records");
	return good;
}

static int
read_all(struct maillog *m, const struct maillog_options *o, struct logs *logs)
{
	struct fault fault;
	int status;
	bool good;

	progress_start("lines read", &maillog_counts(m)->lines);
	good = put_in_order(logs, o, &fault) && read_logs(m, logs, &fault);
	progress_stop();
	if (!good)
		return command_fail(&fault);
	if (logs->unread == logs->n && maillog_counts(m)->lines == 0)
		return (int)logs->unread_kind;
	say_counts(maillog_counts(m));
	audit_say_unread(logs->unread);
	status = judge(maillog_counts(m));
	return logs->unread > 0 ? (int)logs->unread_kind : status;
}

static int
read_files(struct maillog *m, const struct maillog_options *o, char **paths)
{
	static char *const standard_input[] = { "-", NULL };
	char *const *operands = paths[0] == NULL ? standard_input : paths;
	struct logs logs = { .n = 0 };
	struct fault fault;
	int status;

	while (operands[logs.n] != NULL)
		logs.n++;
	if ((logs.list = calloc(logs.n, sizeof *logs.list)) == NULL) {
		fault_no_memory(&fault);
		return command_fail(&fault);
	}
	for (size_t i = 0; i < logs.n; i++)
		logs.list[i] = (struct log){ .path = operands[i], .place = i,
			.written = last_written(operands[i]) };
	status = read_all(m, o, &logs);
	free(logs.list);
	return status;
}

/* False, having said why, when the value is none. */
static bool
take_option(const struct context *context, struct maillog_options *o, int c,
    const char *value)
{
	struct word word;

	if (c != OPTION_MTA)
		return audit_time(value, c == OPTION_UNTIL,
		    c == OPTION_SINCE ? &o->since : &o->until) ||
		    command_usage(context, "\"%s\" is not a time: want "
		    "2026-03-01, 2026-03-01T12:00:00Z or 7d", value) ==
		    EXIT_FINE;
	word_start(&word, value);
	o->mta = word_is(&word, "postfix") ? MAILLOG_POSTFIX :
	    word_is(&word, "sendmail") ? MAILLOG_SENDMAIL : MAILLOG_ANY;
	return o->mta != MAILLOG_ANY ||
	    word_refuse(&word, context, "an MTA") == EXIT_FINE;
}

/* False: a usage error, which was told. */
static bool
take_options(struct context *context, struct maillog_options *o, int argc,
    char **argv, int *status)
{
	unsigned long year;
	int c;

	while ((c = command_getopt(context, argc, argv, status)) != -1) {
		if (c == '?')
			return false;
		if (c == OPTION_YEAR) {
			if (!command_number(context, c, YEAR_LEAST, YEAR_MOST,
			    &year)) {
				*status = FAULT_USAGE;
				return false;
			}
			o->year = (int)year;
		} else if (!take_option(context, o, c, optarg)) {
			*status = FAULT_USAGE;
			return false;
		}
	}
	return true;
}

static int
run(struct context *context, int argc, char **argv)
{
	struct maillog_options o = { .since = INT64_MIN, .until = INT64_MAX,
	    .exempt = is_exempt, .each = print, .arg = context };
	struct maillog *m;
	struct fault fault;
	int status;

	if (!take_options(context, &o, argc, argv, &status))
		return status;
	if (is_audit_file(context))
		return command_usage(context, "standard output is the audit "
		    "log, in which such records have no place");
	if ((m = maillog_new(&o)) == NULL) {
		fault_no_memory(&fault);
		return command_fail(&fault);
	}
	status = read_files(m, &o, argv + optind);
	maillog_free(m);
	return status;
}

const struct command command_audit_from_log = {
	"audit from-log", "[MAILLOG...]",
	"Make records of an MTA's own log", options, run,
	"tlspolicy-audit(5)"
};
