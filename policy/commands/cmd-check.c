/* tlspolicy check: a session judged as the daemon would judge it. */
#include <getopt.h>
#include <stdlib.h>
#include <unistd.h>

#include "policy/check/batch.h"
#include "policy/commands/ruleset.h"
#include "policy/commands/word.h"
#include "policy/commands/scratch.h"

enum { CHECK_OPTIONS_MAX = 64 };

static const struct command_option options[] = {
	{ 'r', NULL, "RULES", "judge by this rule file, not by the store" },
	{ 'o', NULL, "SETTING=VALUE", "a setting for this run" },
	{ 't', NULL, "TAG", "judge by the rules of this tag alone" },
	{ OPTION_AT, "at", "DATE", "by the rules that count on that day" },
	{ 'v', "verbose", NULL, "tell how the verdict came about" },
	{ OPTION_BATCH, "batch", NULL,
	    "sessions from standard input, a JSON object a line" },
	COMMAND_OPTION_JSON,
	{ 0, NULL, NULL, NULL }
};

struct checking {
	char *rules[RULEFILE_SOURCES_MAX + 1];
	size_t nrules;
	const char *assignments[CHECK_OPTIONS_MAX];
	size_t nassignments;
	bool by_tag, verbose, batch, json;
	enum tag tag;
	int64_t now; /* 0: that of the clock */
};

static bool
take_tag(const struct context *context, struct checking *check, const char *word)
{
	struct slice name = slice_of(word);
	struct word words;

	if (name.n > 0 && name.p[name.n - 1] == ':')
		name.n--;
	check->by_tag = tag_by_name(name, &check->tag) &&
	    tag_row(check->tag)->stage != STAGE_NONE;
	if (check->by_tag)
		return true;
	word_start(&words, word);
	for (int t = 0; tag_row((enum tag)t)->stage != STAGE_NONE; t++)
		word_is(&words, tag_row((enum tag)t)->name);
	word_refuse(&words, context, "a tag that is judged");
	return false;
}

/* At noon of the day. */
static bool
take_date(const struct context *context, struct checking *check,
    const char *word)
{
	int32_t day;

	if (!word_day(context, "--at", word, &day))
		return false;
	check->now = (int64_t)day * 86400 + 43200;
	return true;
}

static bool
too_many(const struct context *context, const char *option)
{
	command_usage(context, "too many options %s", option);
	return false;
}

/* False: stop and return *status. */
static bool
take_options(struct context *context, struct checking *check, int argc,
    char **argv, int *status)
{
	int c;

	*status = FAULT_USAGE;
	while ((c = command_getopt(context, argc, argv, status)) != -1) {
		switch (c) {
		case 'r':
			if (check->nrules == RULEFILE_SOURCES_MAX)
				return too_many(context, "-r");
			check->rules[check->nrules++] = optarg;
			break;
		case 'o':
			if (check->nassignments == CHECK_OPTIONS_MAX)
				return too_many(context, "-o");
			check->assignments[check->nassignments++] = optarg;
			break;
		case 't':
			if (!take_tag(context, check, optarg))
				return false;
			break;
		case OPTION_AT:
			if (!take_date(context, check, optarg))
				return false;
			break;
		case 'v':
			check->verbose = true;
			break;
		case OPTION_BATCH:
			check->batch = true;
			break;
		case OPTION_JSON:
			check->json = true;
			break;
		default:
			return false;
		}
	}
	return true;
}

static void
append_trace(void *arg, const char *text)
{
	fprintf(arg, "    %s\n", text);
}

static bool
print_as_json(struct check *judge)
{
	char *memory = malloc(2 * CHECK_JSON_MAX);
	struct text lines, object;
	struct trace trace = { check_json_trace, &lines };
	bool good;

	if (memory == NULL)
		return false;
	text_init(&object, memory, CHECK_JSON_MAX);
	text_init(&lines, memory + CHECK_JSON_MAX, CHECK_JSON_MAX);
	check_session(judge, &trace);
	good = check_json(judge, &lines, &object);
	if (good)
		puts(object.buf);
	free(memory);
	return good;
}

/* The verdict stands in the first line, so the trace is kept back. */
static bool
print_as_text(struct check *judge)
{
	char *memory = NULL;
	size_t size = 0;
	struct trace trace = { append_trace, open_memstream(&memory, &size) };

	if (trace.arg == NULL)
		return false;
	check_session(judge, &trace);
	/* Without memory to close it, there is no text, and no error. */
	if (fclose(trace.arg) != 0 || memory == NULL)
		return false;
	check_print(judge, stdout);
	fwrite(memory, 1, size, stdout);
	free(memory);
	return true;
}

static int
check_one(const struct context *context, const struct checking *check,
    struct check *judge, char **operands)
{
	struct check_macro macros[CHECK_MACROS_MAX];
	struct fault f;
	size_t n = 0;

	for (; *operands != NULL; operands++) {
		struct slice operand = slice_of(*operands);
		size_t equals = slice_find(operand, '=');

		if (equals == operand.n)
			return command_usage(context, "\"%s\" is not "
			    "MACRO=VALUE", *operands);
		if (n == CHECK_MACROS_MAX)
			return command_usage(context, "too many macros");
		macros[n].name = slice_make(operand.p, equals);
		macros[n++].value = slice_from(operand, equals + 1);
	}
	if (!check_facts(judge, macros, n, &f))
		return command_fail(&f);
	if (check->json ? print_as_json(judge) : print_as_text(judge))
		return check_status(judge);
	fault_no_memory(&f);
	return command_fail(&f);
}

static int
check_all(const struct context *context, const struct checking *check,
    char **operands)
{
	struct store *store;
	struct check judge;
	struct fault f;
	int status;

	store = check->nrules > 0 ? scratch_open_files(context, check->rules, &f) :
	    check->batch ? command_store(context, &f) :
	    command_store_for_keys(context, &f);
	if (store == NULL)
		return command_fail(&f);
	check_init(&judge, &context->settings, store);
	judge.by_tag = check->by_tag;
	judge.tag = check->tag;
	judge.traced = check->verbose;
	judge.now = check->now;
	status = check->batch ? batch_run(&judge, STDIN_FILENO) :
	    check_one(context, check, &judge, operands);
	check_free(&judge);
	store_close(store);
	return status;
}

static int
run(struct context *context, int argc, char **argv)
{
	struct checking check = { .nrules = 0 };
	struct fault f;
	int status;

	if (!take_options(context, &check, argc, argv, &status))
		return status;
	if (check.nrules > 0 && context->store != context->settings.store)
		return command_usage(context, "-d and -r exclude each other");
	if (check.batch && optind < argc)
		return command_usage(context,
		    "--batch takes its macros from standard input");
	for (size_t i = 0; i < check.nassignments; i++)
		if (!settings_assign(&context->settings,
		    slice_of(check.assignments[i]), &f))
			return command_fail(&f);
	return check_all(context, &check, argv + optind);
}

const struct command command_check = {
	"check", "MACRO=VALUE...", "Judge a session, and explain the verdict",
	options, run,
	"tlspolicy-rules(5)"
};
