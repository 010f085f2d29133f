/* tlspolicy set: one rule into the store, among the lines of its key. */
#include <getopt.h>
#include <string.h>
#include <time.h>

#include "policy/commands/difference.h"
#include "policy/commands/using.h"
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

/* A profile without a store has nobody yet. */
static bool
fits(const struct context *context, const struct rulefile *rules,
    struct fault *f)
{
	bool as = false, profile = false, good;
	struct store_reader reader;
	struct store *store;

	for (size_t i = 0; i < rules->n; i++) {
		as |= (rules->rules[i].flags & RULE_AS) != 0;
		profile |= key_bytes_tag(rules->rules[i].key_bytes) ==
		    TAG_PROFILE;
	}
	if (!as && !profile)
		return true;
	if (!command_open_store(context, &store, &reader, f))
		return !as && f->kind == FAULT_NOINPUT;
	good = using_fits(&reader, rules, f);
	command_close_store(store, &reader);
	if (!good && f->where[0] == '\0')
		fault_at(f, "set", 1, f->column > 0 ? f->column : 1);
	return good;
}

/* The same rule from another source counts as there. */
static bool
is_set(const struct context *context, const struct rulefile *rules,
    struct store_info *info, uint64_t *others)
{
	struct store_reader reader;
	struct store *store;
	struct fault f;
	bool same;

	*others = 0;
	if (rules->n == 0 || !command_open_store(context, &store, &reader, &f))
		return false;
	*info = reader.info;
	same = difference_has(&reader, rules, others);
	command_close_store(store, &reader);
	return same;
}

static int
set(const struct context *context, struct rulefile *rules, char **operands)
{
	struct store_info info;
	uint64_t others;
	struct fault f;

	if (!parse(rules, operands[0], operands[1], &f) || (rules->n > 0 &&
	    !check_issuer(context, &rules->rules[0], &f)))
		return command_fail(&f);
	if (!fits(context, rules, &f))
		return command_fail(&f);
	if (is_set(context, rules, &info, &others)) {
		command_say_unchanged(context, &info);
		return EXIT_FINE;
	}
	if (!command_enter_folder(context, &f) || !rebuild_set(context->store,
	    rules, (int64_t)time(NULL), &info, &f))
		return command_fail(&f);
	if (others > 0)
		command_say("%llu line%s of %s with other conditions stay%s",
		    (unsigned long long)others, others == 1 ? "" : "s",
		    operands[0], others == 1 ? "s" : "");
	command_say_generation(context, &info);
	return EXIT_FINE;
}

static int
run(struct context *context, int argc, char **argv)
{
	struct rulefile rules;
	int c, status;

	while ((c = command_getopt(context, argc, argv, &status)) != -1)
		return status;
	if (!command_operands(context, argc - optind, 2, 2))
		return FAULT_USAGE;
	rulefile_init(&rules, command_report_fault, NULL);
	rules.as_sendmail = context->settings.compat == COMPAT_SENDMAIL;
	status = set(context, &rules, argv + optind);
	rulefile_free(&rules);
	return status;
}

const struct command command_set = {
	"set", "KEY REQUIREMENT", "Put one rule into the store", NULL, run,
	"tlspolicy-rules(5)"
};
