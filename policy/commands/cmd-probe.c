/*
 * Probes servers and says what an MTA would see and what the rules make of it.
 * Results go to standard output in the order of the targets; progress and
 * faults to standard error.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>
#include <openssl/evp.h>

#include "policy/commands/command.h"
#include "policy/commands/probe-queue.h"
#include "policy/commands/probe-verdict.h"
#include "policy/tools/outbound.h"
#include "policy/tools/probe-report.h"

enum { TIMEOUT_DEFAULT = 30, JOBS_DEFAULT = 16, TARGETS_MAX = 1000000 };

struct targets {
	struct probe_job *jobs;
	size_t n, allocated;
};

struct options {
	struct probe_settings probe;
	const char *file, *digest;
	unsigned long threads;
	bool json;
	char helo[256];
};

/* What `each` needs, and the exit code so far. */
struct run {
	const struct options *options;
	struct probe_judge judge;
	size_t n, done;
	bool progress, no_tls, tempfail, reject;
};

static int64_t
monotonic(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static bool
add_target(struct targets *targets, const char *text, struct fault *f)
{
	size_t wanted = targets->allocated == 0 ? 64 : targets->allocated * 2;
	struct probe_job *more;

	if (targets->n == TARGETS_MAX)
		return fault_set(f, FAULT_DATA, "more than %d targets",
		    TARGETS_MAX);
	if (targets->n == targets->allocated) {
		more = realloc(targets->jobs, wanted * sizeof *more);
		if (more == NULL)
			return fault_set(f, FAULT_UNAVAILABLE,
			    "out of memory");
		targets->jobs = more;
		targets->allocated = wanted;
	}
	more = &targets->jobs[targets->n];
	memset(more, 0, sizeof *more);
	more->text = strdup(text);
	if (more->text == NULL)
		return fault_set(f, FAULT_UNAVAILABLE, "out of memory");
	targets->n++;
	return true;
}

static void
free_targets(struct targets *targets)
{
	for (size_t i = 0; i < targets->n; i++)
		free(targets->jobs[i].text);
	free(targets->jobs);
}

/* One target a line; # begins a comment; a bad one is reported with its line. */
static bool
read_lines(FILE *in, const char *name, struct targets *targets,
    struct fault *f)
{
	char line[1024], copy[1024];
	struct target target;

	for (unsigned long number = 1; fgets(line, sizeof line, in) != NULL;
	    number++) {
		struct slice text = slice_of(line);

		text.n = slice_find(text, '\n');
		if (text.n == sizeof line - 1) {
			fault_set(f, FAULT_DATA, "a line longer than %zu bytes",
			    sizeof line - 2);
			fault_at(f, name, number, 0);
			return false;
		}
		text = slice_trim(slice_make(text.p, slice_find(text, '#')));
		if (text.n == 0)
			continue;
		if (!target_parse(text, &target, f)) {
			fault_at(f, name, number, 0);
			return false;
		}
		snprintf(copy, sizeof copy, "%.*s", SLICE_ARG(text));
		if (!add_target(targets, copy, f))
			return false;
	}
	if (!ferror(in))
		return true;
	fault_errno(f, FAULT_IO, errno, "cannot be read");
	fault_at(f, name, 0, 0);
	return false;
}

static bool
read_file(const char *path, struct targets *targets, struct fault *f)
{
	bool standard = strcmp(path, "-") == 0, good;
	FILE *in = standard ? stdin : fopen(path, "re");

	if (in == NULL) {
		fault_errno(f, FAULT_NOINPUT, errno, "cannot be opened");
		fault_at(f, path, 0, 0);
		return false;
	}
	good = read_lines(in, path, targets, f);
	if (!standard)
		fclose(in);
	return good;
}

static bool
collect_targets(const struct options *options, int argc, char **argv,
    struct targets *targets, struct fault *f)
{
	struct target target;

	for (int i = optind; i < argc; i++)
		if (!target_parse(slice_of(argv[i]), &target, f) ||
		    !add_target(targets, argv[i], f))
			return false;
	return options->file == NULL || read_file(options->file, targets, f);
}

/* The recipient that TLS_Rcpt is judged by. */
static const char *
recipient(const struct options *options, const struct probe_job *job,
    char *buf, size_t size)
{
	if (options->probe.to != NULL)
		return options->probe.to;
	if (!job->target.by_mx)
		return NULL;
	snprintf(buf, size, "postmaster@%s", job->target.host);
	return buf;
}

static void
print_text(const struct probe_job *job, const struct probe_result *result,
    const struct probe_verdict *verdicts, const struct run *run, time_t now)
{
	char rule[8192];
	struct text out;

	printf("%s: %s [%s]:%u\n", job->text, result->host, result->address,
	    result->port);
	probe_report_text(result, now, stdout);
	for (unsigned i = 0; i < PROBE_TAGS; i++)
		if (verdicts[i].judged)
			printf("    %-14s%s\n", probe_tag_name(i),
			    verdicts[i].text);
	if (run->judge.store == NULL)
		printf("    %-14snone judged: %s\n", "rules",
		    run->judge.why.text);
	text_init(&out, rule, sizeof rule);
	if (outbound_suggest(result, &out))
		printf("    %-14s%s\n", "suggestion", rule);
}

static void
print_json(const struct probe_job *job, const struct probe_result *result,
    const struct probe_verdict *verdicts, time_t now)
{
	char rule[8192];
	struct text out;
	json_t *root = probe_report_json(result, now), *list = json_object();

	json_object_set_new(root, "target", json_string(job->text));
	for (unsigned i = 0; i < PROBE_TAGS; i++)
		if (verdicts[i].judged)
			json_object_set_new(list, probe_tag_name(i),
			    json_string(verdicts[i].text));
	json_object_set_new(root, "verdicts", list);
	text_init(&out, rule, sizeof rule);
	if (outbound_suggest(result, &out))
		json_object_set_new(root, "suggestion", json_string(rule));
	json_dumpf(root, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(root);
}

static void
one_result(struct run *run, const struct probe_job *job,
    const struct probe_result *result)
{
	struct probe_verdict verdicts[PROBE_TAGS];
	char rcpt[TARGET_HOST_MAX + sizeof "postmaster@"];
	time_t now = time(NULL);
	struct fault f;

	if (!probe_judge(&run->judge, result,
	    recipient(run->options, job, rcpt, sizeof rcpt), now, verdicts, &f))
		fault_report(&f, stderr);
	run->no_tls |= result->outcome != PROBE_TLS;
	for (unsigned i = 0; i < PROBE_TAGS; i++)
		if (verdicts[i].judged) {
			run->tempfail |= verdicts[i].kind == VERDICT_TEMPFAIL;
			run->reject |= verdicts[i].kind == VERDICT_REJECT;
		}
	if (run->options->json)
		print_json(job, result, verdicts, now);
	else
		print_text(job, result, verdicts, run, now);
}

static void
failed_target(struct run *run, const struct probe_job *job)
{
	json_t *root;

	run->no_tls = true;
	if (!run->options->json) {
		printf("%s: %s\n", job->text, job->fault.text);
		return;
	}
	root = json_pack("{s:s, s:s}", "target", job->text, "fault",
	    job->fault.text);
	json_dumpf(root, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(root);
}

static void
each(void *arg, const struct probe_job *job)
{
	struct run *run = arg;

	if (run->progress)
		fprintf(stderr, "\r\033[K");
	if (job->fault.kind != FAULT_NONE)
		failed_target(run, job);
	for (size_t i = 0; i < job->n; i++)
		one_result(run, job, &job->results[i]);
	fflush(stdout);
	run->done++;
	if (run->progress && run->done < run->n)
		fprintf(stderr, "%zu of %zu targets", run->done, run->n);
}

static int
run_targets(struct context *context, const struct options *options,
    struct targets *targets)
{
	struct run run = { .options = options, .n = targets->n,
		.progress = targets->n > 1 && isatty(STDERR_FILENO) };
	struct probe probe;
	struct fault f;
	bool good;

	if (!probe_open(&probe, &options->probe, &f))
		return command_fail(&f);
	/* A server that closes while we write is a result, not our end. */
	signal(SIGPIPE, SIG_IGN);
	probe_judge_open(&run.judge, context, options->digest);
	good = probe_queue_run(&probe, targets->jobs, targets->n,
	    (unsigned)options->threads, each, &run, &f);
	probe_judge_close(&run.judge);
	probe_close(&probe);
	if (!good)
		return command_fail(&f);
	return run.no_tls ? FAULT_UNAVAILABLE : run.reject ? EXIT_REJECT :
	    run.tempfail ? EXIT_TEMPFAIL : 0;
}

/* Goes into a command line: no line ends, no brackets. */
static bool
is_address(const char *s)
{
	for (; *s != '\0'; s++)
		if ((unsigned char)*s <= ' ' || *s == 0x7f || *s == '<' ||
		    *s == '>')
			return false;
	return true;
}

static bool
is_digest(const char *name)
{
	return strcasecmp(name, "md5") == 0 || strcasecmp(name, "sha1") == 0 ||
	    strcasecmp(name, "sha256") == 0;
}

static int
parse_number(const char *name, const char *text, unsigned long min,
    unsigned long max, unsigned long *value)
{
	if (text_number(slice_of(text), max, value) && *value >= min)
		return 0;
	return command_usage("probe: %s: a number from %lu to %lu was expected, "
	    "not \"%s\"", name, min, max, text);
}

static int
check_options(const struct options *options)
{
	if (options->probe.key != NULL && options->probe.certificate == NULL)
		return command_usage("probe: --key without --cert");
	if (options->probe.to != NULL && options->probe.from == NULL)
		return command_usage("probe: --to without --from");
	if ((options->probe.from != NULL && !is_address(options->probe.from)) ||
	    (options->probe.to != NULL && !is_address(options->probe.to)))
		return command_usage("probe: --from and --to take an address "
		    "without blanks and <>");
	if (!is_address(options->probe.helo))
		return command_usage("probe: --helo takes a host name");
	if (!is_digest(options->digest))
		return command_usage("probe: --digest: md5, sha1 or sha256 was "
		    "expected, not \"%s\"", options->digest);
	return 0;
}

static const struct option words[] = {
	{ "ca", required_argument, NULL, 'C' },
	{ "cert", required_argument, NULL, 'E' },
	{ "key", required_argument, NULL, 'K' },
	{ "from", required_argument, NULL, 'F' },
	{ "to", required_argument, NULL, 'T' },
	{ "helo", required_argument, NULL, 'H' },
	{ "digest", required_argument, NULL, 'D' },
	{ "timeout", required_argument, NULL, 't' },
	{ "jobs", required_argument, NULL, 'j' },
	{ "file", required_argument, NULL, 'f' },
	{ "json", no_argument, NULL, 'J' },
	{ NULL, 0, NULL, 0 }
};

/* 0: go on; else the exit code. */
static int
take_option(struct options *options, int c)
{
	unsigned long seconds;
	int status = 0;

	switch (c) {
	case 'C':
		options->probe.ca = optarg;
		break;
	case 'E':
		options->probe.certificate = optarg;
		break;
	case 'K':
		options->probe.key = optarg;
		break;
	case 'F':
		options->probe.from = optarg;
		break;
	case 'T':
		options->probe.to = optarg;
		break;
	case 'H':
		options->probe.helo = optarg;
		break;
	case 'D':
		options->digest = optarg;
		break;
	case 't':
		status = parse_number("--timeout", optarg, 1, 3600, &seconds);
		if (status == 0)
			options->probe.timeout = (int64_t)seconds * 1000;
		break;
	case 'j':
		status = parse_number("--jobs", optarg, 1, PROBE_JOBS_MAX,
		    &options->threads);
		break;
	case 'f':
		options->file = optarg;
		break;
	case 'J':
		options->json = true;
		break;
	default:
		return command_usage("probe: no such option");
	}
	return status;
}

static void
init_options(struct options *options)
{
	memset(options, 0, sizeof *options);
	if (gethostname(options->helo, sizeof options->helo - 1) != 0 ||
	    options->helo[0] == '\0')
		snprintf(options->helo, sizeof options->helo, "localhost");
	options->probe.helo = options->helo;
	options->probe.timeout = TIMEOUT_DEFAULT * 1000;
	options->probe.now = monotonic;
	options->threads = JOBS_DEFAULT;
	options->digest = "md5";
}

static int
run(struct context *context, int argc, char **argv)
{
	struct options options;
	struct targets targets = { NULL, 0, 0 };
	struct fault f;
	int c, status = 0;

	init_options(&options);
	while (status == 0 &&
	    (c = getopt_long(argc, argv, "", words, NULL)) != -1)
		status = take_option(&options, c);
	if (status == 0)
		status = check_options(&options);
	if (status != 0)
		return status;
	if (optind == argc && options.file == NULL)
		return command_usage("probe: a TARGET was expected");
	if (collect_targets(&options, argc, argv, &targets, &f))
		status = run_targets(context, &options, &targets);
	else
		status = command_fail(&f);
	free_targets(&targets);
	return status;
}

const struct command cmd_probe = {
	.name = "probe",
	.synopsis = "[--ca FILE|DIR] [--cert FILE [--key FILE]] "
	    "[--from ADDRESS [--to ADDRESS]] [--helo NAME] [--timeout SECONDS] "
	    "[--jobs N] [--digest NAME] [--json] [--file TARGETS] [TARGET...]",
	.summary = "ask servers for STARTTLS; show what an MTA would see",
	.run = run,
};
