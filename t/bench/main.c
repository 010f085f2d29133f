/*
 * load [options] unix:PATH | inet:PORT@ADDRESS
 *
 * The command line of the load generator, and its report: one JSON object.
 */
#include <sys/resource.h>
#include <sys/un.h>

#include <arpa/inet.h>
#include <err.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "t/bench/load.h"
#include "t/bench/session.h"

static const char usage[] =
    "usage: load [options] unix:PATH | inet:PORT@ADDRESS\n"
    "  --dialect sendmail|postfix  how the MTA speaks (sendmail)\n"
    "  --seconds N                 start sessions for so long (5)\n"
    "  --sessions N                start so many instead\n"
    "  --first N                   begin with the session of this number (0)\n"
    "  --parallel N                sessions at a time (8)\n"
    "  --idle N                    sessions beside them, silent after HELO (0)\n"
    "  --messages N                on each connection (1)\n"
    "  --data                      go on after RCPT to the end of the message\n"
    "  --think MS                  pause before each MAIL (0)\n"
    "  --each                      and before each other command\n"
    "  --rules N                   size of the policy that is met (1000000)\n"
    "  --refused N                 in 1000 sessions that meet a rule (10)\n"
    "  --seed N                    of rules and sessions (1)\n"
    "  --timeout S                 without any answer: give up (10)";

enum {
	O_DIALECT = 1,
	O_SECONDS,
	O_SESSIONS,
	O_FIRST,
	O_PARALLEL,
	O_IDLE,
	O_MESSAGES,
	O_DATA,
	O_THINK,
	O_EACH,
	O_RULES,
	O_REFUSED,
	O_SEED,
	O_TIMEOUT
};

static const struct option long_options[] = {
	{ "dialect", required_argument, NULL, O_DIALECT },
	{ "seconds", required_argument, NULL, O_SECONDS },
	{ "sessions", required_argument, NULL, O_SESSIONS },
	{ "first", required_argument, NULL, O_FIRST },
	{ "parallel", required_argument, NULL, O_PARALLEL },
	{ "idle", required_argument, NULL, O_IDLE },
	{ "messages", required_argument, NULL, O_MESSAGES },
	{ "data", no_argument, NULL, O_DATA },
	{ "think", required_argument, NULL, O_THINK },
	{ "each", no_argument, NULL, O_EACH },
	{ "rules", required_argument, NULL, O_RULES },
	{ "refused", required_argument, NULL, O_REFUSED },
	{ "seed", required_argument, NULL, O_SEED },
	{ "timeout", required_argument, NULL, O_TIMEOUT },
	{ NULL, 0, NULL, 0 },
};

static uint64_t
number(const char *text, uint64_t max)
{
	char *end;
	unsigned long long n = strtoull(text, &end, 10);

	if (end == text || *end != '\0' || n > max)
		errx(EX_USAGE, "%s: want a number up to %llu", text,
		    (unsigned long long)max);
	return n;
}

static void
set_option(int option, struct load_options *o, struct session_run *run)
{
	switch (option) {
	case O_DIALECT:
		if (!mta_find(optarg, &run->terms.mta))
			errx(EX_USAGE, "--dialect: want sendmail or postfix");
		break;
	case O_SECONDS:
		o->seconds = number(optarg, 1000000);
		break;
	case O_SESSIONS:
		o->sessions = number(optarg, UINT64_MAX);
		break;
	case O_FIRST:
		run->next = number(optarg, UINT64_MAX);
		break;
	case O_PARALLEL:
		o->parallel = (unsigned)number(optarg, 100000);
		break;
	case O_IDLE:
		o->idle = (unsigned)number(optarg, 100000);
		break;
	case O_MESSAGES:
		run->messages = (unsigned)number(optarg, 1000000);
		break;
	case O_DATA:
		run->data = true;
		break;
	case O_THINK:
		o->think = number(optarg, 1000000);
		break;
	case O_EACH:
		run->each = true;
		break;
	case O_RULES:
		run->rules = (uint32_t)number(optarg, RULES_MAX);
		break;
	case O_REFUSED:
		run->refused = (unsigned)number(optarg, 1000);
		break;
	case O_SEED:
		run->seed = number(optarg, UINT64_MAX);
		break;
	case O_TIMEOUT:
		o->timeout = (int)number(optarg, 3600);
		break;
	default:
		errx(EX_USAGE, "%s", usage);
	}
}

static void
set_address(struct load_options *o, const char *text)
{
	struct sockaddr_un *sun = (struct sockaddr_un *)&o->address;
	struct sockaddr_in *sin = (struct sockaddr_in *)&o->address;
	const char *at = strchr(text, '@');
	char *end;

	if (strncmp(text, "unix:", 5) == 0 &&
	    strlen(text + 5) < sizeof(sun->sun_path)) {
		sun->sun_family = AF_UNIX;
		strcpy(sun->sun_path, text + 5);
		o->address_size = sizeof(*sun);
	} else if (strncmp(text, "inet:", 5) == 0 && at != NULL) {
		sin->sin_family = AF_INET;
		sin->sin_port =
		    htons((uint16_t)strtoul(text + 5, &end, 10));
		if (end != at || inet_pton(AF_INET, at + 1, &sin->sin_addr) != 1)
			errx(EX_USAGE, "%s", usage);
		o->address_size = sizeof(*sin);
	} else
		errx(EX_USAGE, "%s", usage);
}

static void
print_verdicts(const struct session_run *run)
{
	static const char *const at[] = { "mail", "rcpt", "eom" };
	static const struct {
		unsigned char reply;
		const char *name;
	} names[] = { { 'c', "continue" }, { 'a', "accept" },
		{ 'y', "replycode" }, { 't', "tempfail" }, { 'r', "reject" },
		{ 'd', "discard" }, { 's', "skip" } };

	for (int stage = 0; stage < 3; stage++) {
		printf("%s\"%s\":{", stage == 0 ? "" : ",", at[stage]);
		for (unsigned n = 0; n < sizeof(names) / sizeof(names[0]); n++)
			printf("%s\"%s\":%llu", n == 0 ? "" : ",",
			    names[n].name,
			    (unsigned long long)
				run->verdict[stage][names[n].reply]);
		printf("}");
	}
}

static void
print_report(const struct session_run *run, double seconds)
{
	printf("{\"sessions\":%llu,\"messages\":%llu,\"broken\":%llu,"
	       "\"seconds\":%.3f,\"sessions_per_s\":%.1f,",
	    (unsigned long long)run->sessions, (unsigned long long)run->sent,
	    (unsigned long long)run->broken, seconds,
	    (double)run->sessions / seconds);
	printf("\"mail_us\":");
	stats_print(&run->mail, stdout);
	printf(",\"rcpt_us\":");
	stats_print(&run->rcpt, stdout);
	printf(",\"eom_us\":");
	stats_print(&run->eom, stdout);
	printf(",\"verdicts\":{");
	print_verdicts(run);
	printf("},");
	mta_print_terms(&run->terms, stdout);
	printf("}\n");
}

/* Tells whoever waits for the idle sessions that they are there. */
static void
say_ready(void)
{
	fputs("ready\n", stderr);
}

static void
raise_file_limit(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
}

int
main(int argc, char **argv)
{
	static struct session_run run = {
		.seed = 1, .rules = 1000000, .refused = 10, .messages = 1
	};
	struct load_options options = { .seconds = 5, .parallel = 8,
		.timeout = 10, .reset = true };
	int option;
	double seconds;

	while ((option = getopt_long(argc, argv, "", long_options, NULL)) !=
	    -1)
		set_option(option, &options, &run);
	if (optind + 1 != argc || run.messages == 0 || run.rules == 0)
		errx(EX_USAGE, "%s", usage);
	set_address(&options, argv[optind]);
	if (options.idle > 0)
		options.ready = say_ready;
	raise_file_limit();
	seconds = load_run(&options, &run);
	print_report(&run, seconds);
	return run.broken == 0 ? EX_OK : EX_PROTOCOL;
}
