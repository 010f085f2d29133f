/* tlspolicy lint: rules that are valid, but hardly what was meant. */
#include <getopt.h>
#include <time.h>

#include <jansson.h>

#include "policy/base/jsonlist.h"
#include "policy/base/jsontext.h"
#include "policy/commands/ruleset.h"
#include "policy/commands/word.h"
#include "policy/lint/lint.h"

enum { SECONDS_PER_DAY = 86400 };

static const struct command_option options[] = {
	{ OPTION_MTA, "mta", "sendmail|postfix",
	    "also tell what this MTA cannot tell" },
	{ OPTION_AT, "at", "DATE", "what will be so on that day" },
	COMMAND_OPTION_JSON,
	{ 0, NULL, NULL, NULL }
};

struct printer {
	const struct rulefile *rules;
	struct jsonlist *list; /* NULL: text */
};

static void
print_json(const struct printer *p, const struct lint_finding *f)
{
	jsonlist_add(p->list, json_pack("{s:o, s:I, s:o, s:o, s:s, s:o, s:o}",
	    "file", jsontext_string(p->rules->sources[f->rule->source]),
	    "line", (json_int_t)f->rule->line,
	    "key", jsontext_string(rule_key(f->rule)),
	    "requirement", jsontext_string(rule_requirement(f->rule)),
	    "check", f->check, "reason", jsontext_cstring(f->reason.buf),
	    "way_out", jsontext_cstring(f->way_out.buf)));
}

static void
print_finding(void *arg, const struct lint_finding *f)
{
	const struct printer *p = arg;

	if (p->list != NULL) {
		print_json(p, f);
		return;
	}
	printf("%.*s:%lu: %.*s %.*s\n    %s: %s\n    %s\n",
	    SLICE_ARG(p->rules->sources[f->rule->source]),
	    (unsigned long)f->rule->line, SLICE_ARG(rule_key(f->rule)),
	    SLICE_ARG(rule_requirement(f->rule)), f->check, f->reason.buf,
	    f->way_out.buf);
}

static bool
set_mta(const struct context *context, const char *name,
    struct lint_options *lint)
{
	struct word word;

	word_start(&word, name);
	for (int d = 0; d < DIALECT_COUNT; d++)
		if (slice_is_nocase(slice_of(name),
		    dialect_row((enum dialect_id)d)->name) ||
		    word_is(&word, dialect_row((enum dialect_id)d)->name)) {
			lint->mta = (enum dialect_id)d;
			return lint->with_mta = true;
		}
	word_refuse(&word, context, "an MTA");
	return false;
}

static int
lint(const struct context *context, char *const *paths,
    struct lint_options *lint_options, bool json)
{
	struct rulefile rules;
	struct jsonlist list;
	struct printer printer = { &rules, json ? &list : NULL };
	struct fault f;
	int status = EXIT_FINE;
	size_t found;

	lint_options->default_perm = context->settings.default_class ==
	    DEFAULT_CLASS_PERM;
	lint_options->judge_header = context->settings.header_from ==
	    HEADER_FROM_JUDGE;
	lint_options->feed = strcmp(context->settings.facts_socket, "off") != 0;
	lint_options->suffixes = lint_suffixes_open();
	if (!ruleset_read(context, paths, &rules, &f)) {
		rulefile_free(&rules);
		lint_suffixes_close(lint_options->suffixes);
		return command_fail(&f);
	}
	jsonlist_start(&list, json ? stdout : NULL);
	if ((found = lint_rules(&rules, lint_options, print_finding,
	    &printer)) == LINT_NO_MEMORY) {
		fault_no_memory(&f);
		status = command_fail(&f);
	} else if (found > 0)
		status = EXIT_FINDINGS;
	jsonlist_end(&list);
	rulefile_free(&rules);
	lint_suffixes_close(lint_options->suffixes);
	return status;
}

static int
run(struct context *context, int argc, char **argv)
{
	struct lint_options lint_options = { .today = (int32_t)(time(NULL) /
	    SECONDS_PER_DAY) };
	bool json = false;
	int c, status;

	while ((c = command_getopt(context, argc, argv, &status)) != -1) {
		if (c == OPTION_JSON)
			json = true;
		else if (c != OPTION_MTA && c != OPTION_AT)
			return status;
		else if (c == OPTION_AT ? !word_day(context, "--at", optarg,
		    &lint_options.today) : !set_mta(context, optarg,
		    &lint_options))
			return FAULT_USAGE;
	}
	return lint(context, argv + optind, &lint_options, json);
}

const struct command command_lint = {
	"lint", "[RULES...]",
	"Find rules that are valid but hardly meant", options, run,
	"tlspolicy-rules(5)"
};
