/* tlspolicy set: one rule into the store, among the lines of its key. */
#include <getopt.h>
#include <string.h>

#include "policy/base/nearest.h"
#include "policy/commands/absent.h"
#include "policy/commands/author.h"
#include "policy/commands/keep.h"
#include "policy/commands/remote.h"
#include "policy/commands/ruleset.h"
#include "policy/commands/using.h"
#include "policy/store/rebuild.h"

static const struct command_option options[] = {
	AUTHOR_OPTION_MESSAGE,
	REMOTE_OPTION,
	{ 0, NULL, NULL, NULL }
};

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
	if (rulefile_finish(rules))
		return true;
	return rules->no_memory ? fault_no_memory(f) :
	    fault_set(f, FAULT_DATA, "the rule is not set");
}

/*
 * A tag that no rule names may be of an issuer's row that comes before its
 * rule, or a misspelt tag (TLS_Cilt:...): refused if it is near a known one.
 */
static bool
check_issuer(const struct context *context, const struct rule *rule,
    struct fault *f)
{
	struct slice key = rule_key(rule);
	struct slice tag = slice_make(key.p, slice_find(key, ':'));
	struct nearest nearest;

	if (key_bytes_tag(rule_key_bytes(rule)) != TAG_CA ||
	    absent_tag_is_named(context, tag))
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

/*
 * Do profiles and lines that name them fit?  Without a store no line names a
 * profile.
 */
static bool
fits(const struct context *context, const struct rulefile *rules,
    struct fault *f)
{
	bool as = false, profile = false, good;
	struct store_reader reader;
	struct store *store;

	for (size_t i = 0; i < rules->n; i++) {
		as |= (rules->rules[i].flags & RULE_AS) != 0;
		profile |= key_bytes_tag(rule_key_bytes(&rules->rules[i])) ==
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

/*
 * Tells of the key's other lines: they count as before, which may not be meant.
 */
static void
say_others(const struct context *context, const struct rulefile *rules,
    const char *key)
{
	struct store_reader reader;
	struct store *store;
	uint64_t others = 0;
	struct fault f;

	if (!command_open_for_keys(context, &store, &reader, &f)) {
		command_fail(&f);
		return;
	}
	for (size_t i = 0; i < rules->n; i++) {
		struct slice bytes = rule_key_bytes(&rules->rules[i]);
		struct key of = { .tag = key_bytes_tag(bytes), .n = bytes.n,
		    .kind = (enum key_kind)bytes.p[1] };

		memcpy(of.bytes, bytes.p, bytes.n);
		others += using_lines(&reader, &of) - 1;
	}
	command_close_store(store, &reader);
	if (others > 0)
		command_say("%llu line%s of %s with other conditions stay%s",
		    (unsigned long long)others, others == 1 ? "" : "s", key,
		    others == 1 ? "s" : "");
}

static int
set(const struct context *context, struct rulefile *rules, struct keep *keep,
    char **operands, const char *message)
{
	struct store_info info;
	struct author author;
	struct fault f;
	bool changed;

	if (!author_init(&author, context, GENERATION_SET, message, &f) ||
	    !parse(rules, operands[0], operands[1], &f) || (rules->n > 0 &&
	    !check_issuer(context, &rules->rules[0], &f)))
		return command_fail(&f);
	if (!fits(context, rules, &f))
		return command_fail(&f);
	if (!command_enter_folder(context, &f) ||
	    !keep_edit(context, keep, rules, NULL, 0, &f) ||
	    !rebuild_set(context->store, rules, &author.by, &info, &changed,
	    &f))
		return command_fail(&f);
	if (changed)
		say_others(context, rules, operands[0]);
	command_say_generation(context, &info, changed);
	author_say_followed(context);
	ruleset_say_unasked(ruleset_unasked(context, rules));
	return EXIT_FINE;
}

static int
set_remote(const struct context *context, struct rulefile *line,
    char **operands)
{
	struct remote remote = { .broken = false };
	const struct scratch_edit edit = { .set = line };
	struct rulefile rules;
	struct fault f;
	bool good = parse(line, operands[0], operands[1], &f) &&
	    remote_open(context, &remote, &f);

	if (good) {
		good = remote_edit(context, &remote, &edit, &rules, &f) &&
		    remote_write(context, &remote, &rules, &f);
		rulefile_free(&rules);
	}
	remote_close(&remote);
	return good ? EXIT_FINE : command_fail(&f);
}

static int
run(struct context *context, int argc, char **argv)
{
	const char *message = NULL;
	struct rulefile rules;
	struct keep keep;
	bool ldap = false;
	struct fault f;
	int c, status;

	while ((c = command_getopt(context, argc, argv, &status)) != -1) {
		if (c == 'm')
			message = optarg;
		else if (c == OPTION_LDAP)
			ldap = true;
		else
			return status;
	}
	if (!command_operands(context, argc - optind, 2, 2))
		return FAULT_USAGE;
	if (ldap && message != NULL)
		return command_usage(context, REMOTE_NO_MESSAGE);
	rulefile_init(&rules, command_report_fault, NULL);
	rules.as_sendmail = context->settings.compat == COMPAT_SENDMAIL;
	if (ldap) {
		status = set_remote(context, &rules, argv + optind);
	} else {
		status = keep_begin(context, &keep, &f) ? set(context, &rules,
		    &keep, argv + optind, message) : command_fail(&f);
		keep_end(&keep);
	}
	rulefile_free(&rules);
	return status;
}

const struct command command_set = {
	"set", "KEY REQUIREMENT", "Put one rule into the store", options,
	run,
	"tlspolicy-rules(5)"
};
