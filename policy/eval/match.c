/*
 * A line outside its FROM and UNTIL, or for other clients (WHEN), is passed over
 * as if it were absent, and the search goes on: to the next line of the key,
 * then to the next key.  Where it cannot be told for whom it is the search fails:
 * neither this line nor what stands behind it may free anybody.
 */
#include <string.h>

#include "policy/eval/match.h"
#include "policy/eval/key-order.h"
#include "policy/rules/client.h"
#include "policy/rules/profile.h"
#include "policy/store/search.h"

enum { SECONDS_PER_DAY = 86400 };

static int32_t
day_of(int64_t now)
{
	int64_t day = now / SECONDS_PER_DAY;

	return (int32_t)(now % SECONDS_PER_DAY < 0 ? day - 1 : day);
}

static void
trace_rule(const struct question *q, struct store_reader *reader,
    const struct stored_rule *rule, const char *what)
{
	if (q->trace == NULL)
		return;
	trace_line(q->trace, "  %s %.*s %.*s (%.*s:%lu, generation %llu)", what,
	    SLICE_ARG(rule->key), SLICE_ARG(rule->requirement),
	    SLICE_ARG(store_source(reader, rule->source)),
	    (unsigned long)rule->line,
	    (unsigned long long)reader->info.generation);
}

static enum lookup_result
find_profile(struct store_reader *reader, struct slice name,
    struct stored_rule *line)
{
	enum lookup_result result = LOOKUP_ABSENT;
	struct stored_rules lines;
	struct key key;

	if (key_profile(name, &key))
		result = store_get(reader, &key, &lines);
	if (result == LOOKUP_FOUND && !store_next(reader, &lines, line))
		result = LOOKUP_FAILED;
	if (result == LOOKUP_ABSENT)
		fault_set(&reader->fault, FAULT_DATA, "there is no line "
		    "Profile:%.*s", SLICE_ARG(name));
	return result;
}

enum lookup_result
match_requirement(struct store_reader *reader, enum tag tag,
    const struct stored_rule *rule, struct requirement *r)
{
	struct requirement profile;
	struct stored_rule line;

	if (!requirement_parse(rule->requirement, tag, r, &reader->fault))
		return LOOKUP_FAILED;
	if (r->need != NEED_AS)
		return LOOKUP_FOUND;
	return find_profile(reader, r->profile, &line) == LOOKUP_FOUND &&
	    requirement_parse(line.requirement, TAG_PROFILE, &profile,
	    &reader->fault) && profile_join(r, &profile, tag,
	    &reader->fault) ? LOOKUP_FOUND : LOOKUP_FAILED;
}

static void
trace_profile(const struct question *q, struct store_reader *reader,
    const struct requirement *r)
{
	struct stored_rule line;

	if (q->trace != NULL && r->profile.n > 0 && find_profile(reader,
	    r->profile, &line) == LOOKUP_FOUND)
		trace_rule(q, reader, &line, "  with");
}

/* sendmail compares host names to the letter, a dot at the end included. */
static bool
dots_differ(const struct question *q, const struct key_step *step,
    const struct stored_rule *rule)
{
	bool rule_dot = (rule->flags & RULE_FINAL_DOT) != 0;

	return q->options->compat_sendmail && step->key.kind == KEY_NAME &&
	    tag_row(step->key.tag)->subject == SUBJECT_HOST &&
	    rule_dot != step->final_dot;
}

/* Cannot tell: *missing says why.  Else `why` is given when the answer is no. */
static enum answer
counts(const struct question *q, const struct requirement *r,
    enum fact_id *missing, const char **why)
{
	*why = "outside its dates:";
	if (!requirement_counts_on(r, day_of(q->now)))
		return ANSWER_NO;
	*why = "only recorded:";
	if (q->without_warn && r->class == CLASS_WARN)
		return ANSWER_NO;
	*why = "for other clients:";
	/* Who asks about mail that leaves has no client, nor its rules a WHEN. */
	return r->nwhen == 0 || q->facts == NULL ? ANSWER_YES :
	    client_is_meant(q->facts, r, missing);
}

/* The first line of a key that counts today. */
static enum lookup_result
choose(struct store_reader *reader, const struct question *q,
    const struct key_step *step, struct stored_rules *rules,
    struct matched_rule *found)
{
	const char *why;

	while (store_next(reader, rules, &found->rule)) {
		if (dots_differ(q, step, &found->rule))
			continue;
		if (match_requirement(reader, step->key.tag, &found->rule,
		    &found->requirement) != LOOKUP_FOUND)
			return LOOKUP_FAILED;
		switch (counts(q, &found->requirement, &found->missing,
		    &why)) {
		case ANSWER_YES:
			trace_rule(q, reader, &found->rule, "rule");
			trace_profile(q, reader, &found->requirement);
			return LOOKUP_FOUND;
		case ANSWER_CANNOT_TELL:
			trace_rule(q, reader, &found->rule,
			    "perhaps for this client:");
			return LOOKUP_FAILED;
		case ANSWER_NO:
			trace_rule(q, reader, &found->rule, why);
		}
	}
	return reader->fault.kind == FAULT_NONE ? LOOKUP_ABSENT :
	    LOOKUP_FAILED;
}

static enum lookup_result
walk(struct store_reader *reader, const struct question *q,
    const struct key_step *step, struct matched_rule *found)
{
	struct stored_rules rules;
	enum lookup_result result;
	struct search search;

	search_start(&search, reader, &step->key);
	while ((result = search_next(&search, &rules)) == LOOKUP_FOUND) {
		result = choose(reader, q, step, &rules, found);
		if (result != LOOKUP_ABSENT)
			return result;
	}
	return result;
}

static enum lookup_result
get(struct store_reader *reader, const struct question *q,
    const struct key_step *step, struct matched_rule *found)
{
	struct stored_rules rules;
	enum lookup_result result = store_get(reader, &step->key, &rules);

	return result == LOOKUP_FOUND ?
	    choose(reader, q, step, &rules, found) : result;
}

/* The names that a walk covers, in the order in which they count. */
static void
trace_names(const struct question *q, struct slice printed)
{
	struct slice name = slice_from(printed, slice_find(printed, ':') + 1);
	char buf[2048];
	struct text text;
	size_t dot;

	text_init(&text, buf, sizeof buf);
	text_put(&text, printed);
	while ((dot = slice_find(name, '.')) < name.n) {
		name = slice_from(name, dot + 1);
		text_printf(&text, " .%.*s %.*s", SLICE_ARG(name),
		    SLICE_ARG(name));
	}
	trace_line(q->trace, "  try %s", buf);
}

static void
trace_step(const struct question *q, const struct key_step *step)
{
	char buf[1024];
	struct text text;

	if (q->trace == NULL)
		return;
	text_init(&text, buf, sizeof buf);
	key_print(&step->key, &text);
	if (!step->longest)
		trace_line(q->trace, "  try %s", buf);
	else if (step->key.kind == KEY_NAME)
		trace_names(q, slice_make(buf, text.n));
	else
		trace_line(q->trace, "  try %s and the networks around it",
		    buf);
}

enum lookup_result
match_step(struct store_reader *reader, const struct question *q,
    const struct key_step *step, struct matched_rule *found)
{
	trace_step(q, step);
	return step->longest ? walk(reader, q, step, found) :
	    get(reader, q, step, found);
}

/* Could a rule have been met, had the fact been told? */
static bool
matters(const struct store_reader *reader, enum tag tag, unsigned kinds)
{
	for (int kind = 0; kind < KEY_KIND_COUNT; kind++)
		if ((kinds >> kind & 1) != 0 && store_has_kind(reader, tag,
		    (enum key_kind)kind))
			return true;
	return false;
}

enum lookup_result
match_rule(struct store_reader *reader, enum tag tag, const struct question *q,
    const struct mailbox *mailbox, struct matched_rule *found)
{
	struct key_order lookup;
	struct key_step step;

	found->missing = FACT_COUNT;
	fault_clear(&reader->fault); /* that of the tag judged before */
	if (q->trace == NULL && !store_has_tag(reader, tag))
		return LOOKUP_ABSENT;
	key_order_start(&lookup, tag, q->facts, mailbox);
	while (key_order_next(&lookup, &step)) {
		enum lookup_result result;

		if (step.missing != FACT_COUNT) {
			if (!matters(reader, tag, step.kinds))
				continue;
			found->missing = step.missing;
			return LOOKUP_FAILED;
		}
		result = match_step(reader, q, &step, found);
		if (result != LOOKUP_ABSENT)
			return result;
	}
	trace_line(q->trace, "  no rule");
	return LOOKUP_ABSENT;
}
