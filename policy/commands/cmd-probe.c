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

#include "policy/base/clock.h"
#include "policy/base/jsonlist.h"
#include "policy/base/jsontext.h"
#include "policy/commands/command.h"
#include "policy/commands/word.h"
#include "policy/probe/queue.h"
#include "policy/probe/targets.h"
#include "policy/probe/verdict.h"
#include "policy/probe/facts.h"
#include "policy/probe/report.h"

enum { TIMEOUT_DEFAULT = 30, TIMEOUT_MAX = 3600, JOBS_DEFAULT = 16 };

/* What the command line asks for. */
struct wishes {
	struct probe_settings probe;
	const char *file, *digest;
	unsigned long threads;
	bool json;
	char helo[256];
};

/* What `each` needs, and the exit code so far. */
struct run {
	const struct wishes *wishes;
	struct probe_judge judge;
	struct fault unjudged; /* why there is no store to judge by */
	size_t n, done;
	bool progress, no_tls, tempfail, reject;
	int unjudgeable; /* its exit code; 0: each was judged that could be */
	struct jsonlist list; /* prints nothing for text */
};

/* The recipient that TLS_Rcpt is judged by. */
static const char *
recipient(const struct wishes *wishes, const struct probe_job *job,
    char *buf, size_t size)
{
	if (wishes->probe.to != NULL)
		return wishes->probe.to;
	if (!job->target.by_mx)
		return NULL;
	snprintf(buf, size, "postmaster@%s", job->target.host);
	return buf;
}

static void
print_text(const struct probe_job *job, const struct probe_result *result,
    const struct probe_verdict *verdicts, const struct run *run, time_t now)
{
	printf("%s: %s [%s]:%u\n", job->text, result->host, result->address,
	    result->port);
	probe_report_text(result, now, stdout);
	for (unsigned i = 0; i < PROBE_TAGS; i++)
		if (verdicts[i].judged)
			printf("    %-14s%s\n", probe_tag_name(i),
			    verdicts[i].text);
	if (run->judge.store == NULL)
		printf("    %-14snone judged: %s\n", "rules",
		    run->unjudged.text);
}

static void
print_suggestion(const struct probe_job *job)
{
	char rule[8192];
	struct text out;

	text_init(&out, rule, sizeof rule);
	if (job->n > 0)
		printf("    %-14s%s\n", "suggestion", probe_suggest(
		    job->results, job->n, job->target.by_mx ?
		    job->target.host : NULL, &out) ? rule :
		    "none, as not each host was seen with TLS");
}

static void
print_json(struct run *run, const struct probe_job *job,
    const struct probe_result *result, const struct probe_verdict *verdicts,
    time_t now)
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
	if (run->judge.store == NULL)
		json_object_set_new(root, "unjudged",
		    jsontext_cstring(run->unjudged.text));
	text_init(&out, rule, sizeof rule);
	if (probe_suggest(job->results, job->n, job->target.by_mx ?
	    job->target.host : NULL, &out))
		json_object_set_new(root, "suggestion", json_string(rule));
	jsonlist_add(&run->list, root);
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
	    recipient(run->wishes, job, rcpt, sizeof rcpt), now, verdicts, &f)) {
		fault_report(&f, stderr);
		run->unjudgeable = (int)f.kind;
	}
	run->no_tls |= result->outcome != PROBE_TLS;
	for (unsigned i = 0; i < PROBE_TAGS; i++)
		if (verdicts[i].judged) {
			run->tempfail |= verdicts[i].kind == VERDICT_TEMPFAIL;
			run->reject |= verdicts[i].kind == VERDICT_REJECT;
		}
	if (run->wishes->json)
		print_json(run, job, result, verdicts, now);
	else
		print_text(job, result, verdicts, run, now);
}

static void
failed_target(struct run *run, const struct probe_job *job)
{
	run->no_tls = true;
	if (!run->wishes->json) {
		printf("%s: %s\n", job->text, job->fault.text);
		return;
	}
	jsonlist_add(&run->list, json_pack("{s:s, s:s}", "target", job->text,
	    "fault", job->fault.text));
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
	if (!run->wishes->json)
		print_suggestion(job);
	fflush(stdout);
	run->done++;
	if (run->progress && run->done < run->n)
		fprintf(stderr, "%zu of %zu targets", run->done, run->n);
}

static int
run_targets(struct context *context, const struct wishes *wishes,
    struct probe_targets *targets)
{
	struct run run = { .wishes = wishes, .n = targets->n,
		.progress = targets->n > 1 && isatty(STDERR_FILENO) };
	struct store *store;
	struct probe probe;
	struct fault f;
	bool good;

	if (!probe_open(&probe, &wishes->probe, &f))
		return command_fail(&f);
	/* A server that closes while we write is a result, not our end. */
	signal(SIGPIPE, SIG_IGN);
	store = command_store(context, &run.unjudged);
	probe_judge_open(&run.judge, store, &context->settings,
	    wishes->digest);
	jsonlist_start(&run.list, wishes->json ? stdout : NULL);
	good = probe_queue_run(&probe, targets->jobs, targets->n,
	    (unsigned)wishes->threads, each, &run, &f);
	jsonlist_end(&run.list);
	if (store != NULL)
		store_close(store);
	probe_close(&probe);
	if (!good)
		return command_fail(&f);
	if (run.unjudgeable != 0)
		return run.unjudgeable;
	return run.no_tls ? FAULT_UNAVAILABLE : run.reject ? EXIT_REJECT :
	    run.tempfail ? EXIT_TEMPFAIL : EXIT_FINE;
}

/* May the word stand in MAIL or RCPT?  No line ends, no brackets. */
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
is_digest(struct word *digest)
{
	static const char *const names[] = { "md5", "sha1", "sha256" };

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strcasecmp(digest->word, names[i]) == 0 ||
		    word_is(digest, names[i]))
			return true;
	return false;
}

static int
check_wishes(const struct context *context, const struct wishes *wishes)
{
	struct word digest;

	if (wishes->probe.key != NULL && wishes->probe.certificate == NULL)
		return command_usage(context, "--key without --cert");
	if (wishes->probe.to != NULL && wishes->probe.from == NULL)
		return command_usage(context, "--to without --from");
	if ((wishes->probe.from != NULL && !is_address(wishes->probe.from)) ||
	    (wishes->probe.to != NULL && !is_address(wishes->probe.to)))
		return command_usage(context, "--from and --to take an address "
		    "without blanks and <>");
	if (!is_address(wishes->probe.helo))
		return command_usage(context, "--helo takes a host name");
	word_start(&digest, wishes->digest);
	if (!is_digest(&digest))
		return word_refuse(&digest, context, "a digest");
	return EXIT_FINE;
}

enum { OPTION_CA = 1024, OPTION_CERT, OPTION_KEY, OPTION_FROM, OPTION_TO,
	OPTION_HELO, OPTION_DIGEST, OPTION_TIMEOUT, OPTION_JOBS, OPTION_FILE,
	OPTION_IMPLICIT_TLS, OPTION_EACH_ADDRESS };

static const struct command_option options[] = {
	{ OPTION_CA, "ca", "FILE|DIR", "the CAs to trust (the system's)" },
	{ OPTION_CERT, "cert", "FILE", "present this client certificate" },
	{ OPTION_KEY, "key", "FILE", "its key (in the same file)" },
	{ OPTION_FROM, "from", "ADDRESS", "go on to MAIL" },
	{ OPTION_TO, "to", "ADDRESS", "and to RCPT; never DATA" },
	{ OPTION_HELO, "helo", "NAME", "our name in EHLO (the host's)" },
	{ OPTION_DIGEST, "digest", "NAME",
	    "md5, sha1 or sha256: sendmail's for FP (md5)" },
	{ OPTION_IMPLICIT_TLS, "implicit-tls", NULL,
	    "TLS comes first, as on port 465" },
	{ OPTION_EACH_ADDRESS, "each-address", NULL,
	    "each address of a host, not the first that answers" },
	{ OPTION_TIMEOUT, "timeout", "SECONDS", "for each host (30)" },
	{ OPTION_JOBS, "jobs", "N", "targets at a time (16)" },
	{ OPTION_FILE, "file", "TARGETS", "more targets, one a line; - stdin" },
	COMMAND_OPTION_JSON,
	{ 0, NULL, NULL, NULL }
};

/* False: *status is the exit code. */
static bool
take_option(const struct context *context, struct wishes *wishes, int c,
    int *status)
{
	const char **const word[] = { &wishes->probe.ca,
		&wishes->probe.certificate, &wishes->probe.key,
		&wishes->probe.from, &wishes->probe.to, &wishes->probe.helo,
		&wishes->digest };
	unsigned long seconds;

	switch (c) {
	case OPTION_TIMEOUT:
		*status = FAULT_USAGE;
		if (!command_number(context, c, 1, TIMEOUT_MAX, &seconds))
			return false;
		wishes->probe.timeout = (int64_t)seconds * 1000;
		return true;
	case OPTION_JOBS:
		*status = FAULT_USAGE;
		return command_number(context, c, 1, PROBE_JOBS_MAX,
		    &wishes->threads);
	case OPTION_IMPLICIT_TLS:
		return wishes->probe.implicit_tls = true;
	case OPTION_EACH_ADDRESS:
		return wishes->probe.each_address = true;
	case OPTION_FILE:
		wishes->file = optarg;
		return true;
	case OPTION_JSON:
		wishes->json = true;
		return true;
	default:
		if (c < OPTION_CA || c > OPTION_DIGEST)
			return false;
		*word[c - OPTION_CA] = optarg;
		return true;
	}
}

static void
init_wishes(struct wishes *wishes)
{
	memset(wishes, 0, sizeof *wishes);
	if (gethostname(wishes->helo, sizeof wishes->helo - 1) != 0 ||
	    wishes->helo[0] == '\0')
		snprintf(wishes->helo, sizeof wishes->helo, "localhost");
	wishes->probe.helo = wishes->helo;
	wishes->probe.timeout = TIMEOUT_DEFAULT * 1000;
	wishes->probe.now = clock_ms;
	wishes->threads = JOBS_DEFAULT;
	wishes->digest = "md5";
}

static int
run(struct context *context, int argc, char **argv)
{
	struct wishes wishes;
	struct probe_targets targets = { NULL, 0, 0 };
	struct fault f;
	int c, status;

	init_wishes(&wishes);
	while ((c = command_getopt(context, argc, argv, &status)) != -1)
		if (!take_option(context, &wishes, c, &status))
			return status;
	status = check_wishes(context, &wishes);
	if (status != EXIT_FINE)
		return status;
	if (wishes.file == NULL &&
	    !command_operands(context, argc - optind, 1, argc))
		return FAULT_USAGE;
	if (probe_targets_collect(argv + optind, wishes.file, &targets, &f))
		status = run_targets(context, &wishes, &targets);
	else
		status = command_fail(&f);
	probe_targets_free(&targets);
	return status;
}

const struct command command_probe = {
	"probe", "TARGET...", "Ask servers for STARTTLS; show what an MTA would see",
	options, run,
	"tlspolicy-probe(1)"
};
