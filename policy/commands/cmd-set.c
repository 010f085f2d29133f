/* tlspolicy set: one rule into the store, in place of its key's. */
#include <getopt.h>
#include <string.h>
#include <time.h>

#include "policy/commands/difference.h"
#include "policy/commands/keep.h"
#include "policy/rules/item.h"
#include "policy/store/rebuild.h"

/* The two operands as the one line of a rule file called "set". */
static bool
parse(struct rulefile *rules, const char *key, const char *requirement,
    struct fault *f)
{
	char line_text[RULEFILE_LINE_MAX + 2];
	struct text line;

	text_init(&line, line_text, sizeof line_text);
	text_printf(&line, "%s %s", key, requirement);
	if (strpbrk(line.buf, "\r\n") != NULL || key[0] == '#' || line.cut)
		return fault_set(f, FAULT_DATA, "expected one rule of at most "
		    "%d bytes", RULEFILE_LINE_MAX);
	rules->partial = true;
	if (!rulefile_read_text(rules, slice_make(line.buf, line.n), "set", f))
		return false;
	return rulefile_finish(rules) ||
	    fault_set(f, FAULT_DATA, "the rule is not set");
}

struct naming {
	struct slice tag;
	bool found;
};

static bool
look_for_citag(void *arg, const struct stored_rule *rule)
{
	struct naming *naming = arg;
	struct requirement r;
	struct fault f;

	if ((rule->flags & RULE_CITAG) == 0 ||
	    !requirement_parse(rule->requirement, TAG_CLT, &r, &f))
		return true;
	for (unsigned i = 0; i < r.nitems; i++)
		if (r.items[i].row->id == ITEM_CITAG &&
		    slice_equal_nocase(r.items[i].value, naming->tag))
			naming->found = true;
	return !naming->found;
}

static bool
is_named_in_store(const struct context *context, struct slice tag)
{
	struct naming naming = { .tag = tag };
	struct store_reader reader;
	struct store *store;
	struct fault f;

	if (!command_open_store(context, &store, &reader, &f))
		return false; /* rebuild_set() tells when that is wrong */
	store_each(&reader, look_for_citag, &naming);
	command_close_store(store, &reader);
	return naming.found;
}

/*
 * With OK, TLS_Cilt:... would be an issuer's row.  One may come before the
 * rule that names its tag, but not when the tag looks like a slip of the pen.
 */
static bool
check_issuer(const struct context *context, const struct rule *rule,
    struct fault *f)
{
	struct slice tag = slice_make(rule->key.p, slice_find(rule->key, ':'));
	struct nearest nearest;

	if (key_bytes_tag(rule->key_bytes) != TAG_CA ||
	    is_named_in_store(context, tag))
		return true;
	tag_nearest(tag, &nearest);
	if (nearest.word.n > 0) {
		rulefile_unknown_tag(tag, f);
		fault_at(f, "set", 1, 1);
		return false;
	}
	fprintf(stderr, "tlspolicy: no rule names CITag:%.*s yet\n",
	    SLICE_ARG(tag));
	return true;
}

/* The same rule from another source counts as there. */
static bool
is_set(const struct context *context, const struct rulefile *rules,
    struct store_info *info)
{
	struct store_reader reader;
	struct store *store;
	struct fault f;
	bool same;

	if (rules->n == 0 || !command_open_store(context, &store, &reader, &f))
		return false;
	*info = reader.info;
	same = difference_is_none(&reader, rules, false);
	command_close_store(store, &reader);
	return same;
}

static int
set(const struct context *context, struct rulefile *rules, struct keep *keep,
    char **operands)
{
	struct store_info info;
	struct fault f;

	if (!parse(rules, operands[0], operands[1], &f) || (rules->n > 0 &&
	    !check_issuer(context, &rules->rules[0], &f)))
		return command_fail(&f);
	if (is_set(context, rules, &info)) {
		command_say_unchanged(context, &info);
		return EXIT_FINE;
	}
	if (!command_enter_folder(context, &f) || !keep_edit(context, keep,
	    rules, NULL, 0, &f) || !rebuild_set(context->store,
	    rules, (int64_t)time(NULL), &info, &f))
		return command_fail(&f);
	command_say_generation(context, &info);
	return EXIT_FINE;
}

static int
run(struct context *context, int argc, char **argv)
{
	struct rulefile rules;
	struct keep keep;
	struct fault f;
	int c, status;

	while ((c = command_getopt(context, argc, argv, &status)) != -1)
		return status;
	if (!command_operands(context, argc - optind, 2, 2))
		return FAULT_USAGE;
	rulefile_init(&rules, command_report_fault, NULL);
	rules.as_sendmail = context->settings.compat == COMPAT_SENDMAIL;
	status = keep_begin(context, &keep, &f) ? set(context, &rules, &keep,
	    argv + optind) : command_fail(&f);
	keep_end(&keep);
	rulefile_free(&rules);
	return status;
}

const struct command command_set = {
	"set", "KEY REQUIREMENT", "Put one rule into the store", NULL, run,
	"tlspolicy-rules(5)"
};
