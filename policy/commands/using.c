#include <string.h>

#include "policy/commands/using.h"
#include "policy/eval/match.h"
#include "policy/rules/item.h"
#include "policy/rules/profile.h"

/* The lines of one profile. */
struct users {
	struct store_reader *reader;
	struct slice profile;		/* its name */
	const struct requirement *as;	/* its new requirement; NULL: it is
					 * deleted */
	struct fault *fault;
	uint64_t n;
};

static bool
names(const struct users *u, const struct stored_rule *rule,
    struct requirement *r, enum tag *tag)
{
	struct fault ignored;

	return (rule->flags & RULE_AS) != 0 && tag_by_name(slice_make(
	    rule->key.p, slice_find(rule->key, ':')), tag) &&
	    requirement_parse(rule->requirement, *tag, r, &ignored) &&
	    slice_equal_nocase(r->profile, u->profile);
}

static bool
try_user(void *arg, const struct stored_rule *rule)
{
	struct users *u = arg;
	struct requirement r;
	struct fault why;
	enum tag tag;

	if (!names(u, rule, &r, &tag) || profile_join(&r, u->as, tag, &why))
		return true;
	return fault_set(u->fault, FAULT_DATA, "%.*s %.*s (%.*s:%lu) does not "
	    "go with it: %s", SLICE_ARG(rule->key),
	    SLICE_ARG(rule->requirement), SLICE_ARG(store_source(u->reader,
	    rule->source)), (unsigned long)rule->line, why.text);
}

static bool
all_users_fit(struct store_reader *reader, const struct rule *rule,
    struct fault *fault)
{
	struct requirement profile;
	struct users u = { .reader = reader, .as = &profile, .fault = fault,
		.profile = rule_what(rule) };

	if (!requirement_parse(rule_requirement(rule), TAG_PROFILE, &profile,
	    fault))
		return false;
	fault_clear(fault);
	if (!store_each(reader, try_user, &u) &&
	    reader->fault.kind != FAULT_NONE)
		*fault = reader->fault;
	return fault->kind == FAULT_NONE;
}

static bool
offer(void *arg, const struct stored_rule *rule)
{
	size_t colon = slice_find(rule->key, ':');

	if (slice_is_nocase(slice_make(rule->key.p, colon), "Profile"))
		nearest_offer(arg, slice_from(rule->key, colon + 1));
	return true;
}

static bool
goes_with_profile(struct store_reader *reader, const struct rule *rule,
    struct fault *fault)
{
	struct stored_rule line = { .requirement = rule_requirement(rule) };
	enum tag tag = key_bytes_tag(rule_key_bytes(rule));
	struct nearest nearest;
	struct requirement r;
	struct text hint;
	char buf[80];

	if (match_requirement(reader, tag, &line, &r) == LOOKUP_FOUND)
		return true;
	*fault = reader->fault;
	fault->column = rule_key(rule).n + 1 +
	    (fault->column > 0 ? fault->column : 1);
	if (r.need != NEED_AS)
		return false;
	text_init(&hint, buf, sizeof buf);
	nearest_init(&nearest, r.profile);
	fault_clear(&reader->fault);
	store_each(reader, offer, &nearest);
	if (!slice_equal_nocase(nearest.word, r.profile))
		nearest_print(&nearest, &hint);
	strncat(fault->text, buf, sizeof fault->text -
	    strlen(fault->text) - 1);
	return false;
}

bool
using_fits(struct store_reader *reader, const struct rulefile *rules,
    struct fault *fault)
{
	for (size_t i = 0; i < rules->n; i++) {
		const struct rule *rule = &rules->rules[i];

		if ((rule->flags & RULE_AS) != 0 &&
		    !goes_with_profile(reader, rule, fault))
			return false;
		if (key_bytes_tag(rule_key_bytes(rule)) == TAG_PROFILE &&
		    !all_users_fit(reader, rule, fault))
			return false;
	}
	return true;
}

static bool
count_user(void *arg, const struct stored_rule *rule)
{
	struct users *u = arg;
	struct requirement r;
	enum tag tag;

	if (names(u, rule, &r, &tag) && u->n++ == 0)
		fault_set(u->fault, FAULT_DATA, "%.*s (%.*s:%lu) names it",
		    SLICE_ARG(rule->key), SLICE_ARG(store_source(u->reader,
		    rule->source)), (unsigned long)rule->line);
	return true;
}

bool
using_is_free(struct store_reader *reader, const struct key *key,
    struct fault *fault)
{
	struct users u = { .reader = reader, .fault = fault,
		.profile = slice_make((const char *)key->bytes + KEY_HEAD,
		    key->n - KEY_HEAD) };
	struct fault first;

	if (key->tag != TAG_PROFILE)
		return true;
	fault_clear(fault);
	if (!store_each(reader, count_user, &u)) {
		*fault = reader->fault;
		return false;
	}
	if (u.n == 0)
		return true;
	first = *fault;
	return fault_set(fault, FAULT_DATA, "Profile:%.*s stays: %s%s",
	    SLICE_ARG(u.profile), first.text, u.n > 1 ? ", and it is not the "
	    "only one" : "");
}

uint64_t
using_lines(struct store_reader *reader, const struct key *key)
{
	struct slice lines;
	struct stored_rule line;
	uint64_t n = 0;

	if (store_get(reader, key, &lines) == LOOKUP_FOUND)
		while (store_next(reader, &lines, &line))
			n++;
	return n;
}
