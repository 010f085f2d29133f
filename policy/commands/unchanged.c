/*
 * Config management and cron build the same rules every few minutes.  A new
 * generation for each would age what explains the mail of the day.
 */
#include <stdlib.h>

#include "policy/commands/difference.h"
#include "policy/facts/suite.h"
#include "policy/rules/client.h"

/* A new OpenSSL can give an old list other suites. */
static bool
same_suites(struct store_reader *reader, struct slice list)
{
	uint16_t ids[SUITE_LIST_MAX];
	const uint16_t *stored;
	struct fault f;
	size_t n, m;

	return suite_list(list, ids, &n, &f) &&
	    store_suites(reader, list, &stored, &m) == LOOKUP_FOUND &&
	    n == m && memcmp(ids, stored, n * sizeof ids[0]) == 0;
}

static bool
same_lists(struct store_reader *reader, const struct rule *rule)
{
	struct requirement r;
	struct fault f;

	if ((rule->flags & RULE_CIPHER_LIST) == 0)
		return true;
	if (!requirement_parse(rule->requirement,
	    key_bytes_tag(rule->key_bytes), &r, &f))
		return false;
	for (unsigned i = 0; i < r.nitems; i++)
		if (r.items[i].row->id == ITEM_CIPHER &&
		    !same_suites(reader, r.items[i].value))
			return false;
	return true;
}

static bool
same_text(const struct rule *rule, const struct stored_rule *stored)
{
	return slice_equal(rule->key, stored->key) &&
	    slice_equal(rule->requirement, stored->requirement);
}

static bool
same_rule(struct store_reader *reader, const struct rulefile *rules,
    const struct rule *rule, const struct stored_rule *stored)
{
	return same_text(rule, stored) && rule->line == stored->line &&
	    slice_equal(rules->sources[rule->source],
	    store_source(reader, stored->source));
}

static enum lookup_result
lines_of(struct store_reader *reader, struct slice bytes,
    struct stored_rules *lines)
{
	struct key key = { .tag = key_bytes_tag(bytes), .n = bytes.n,
	    .kind = (enum key_kind)bytes.p[1] };

	memcpy(key.bytes, bytes.p, bytes.n);
	return store_get(reader, &key, lines);
}

/* The rules from number *i on that have the key of that one. */
static bool
same_key(struct store_reader *reader, const struct rulefile *rules, size_t *i)
{
	struct slice bytes = rules->rules[*i].key_bytes;
	struct stored_rules stored;
	struct stored_rule one;

	if (lines_of(reader, bytes, &stored) != LOOKUP_FOUND)
		return false;
	for (; *i < rules->n && slice_equal(rules->rules[*i].key_bytes,
	    bytes); (*i)++)
		if (!store_next(reader, &stored, &one) ||
		    !same_rule(reader, rules, &rules->rules[*i], &one) ||
		    !same_lists(reader, &rules->rules[*i]))
			return false;
	return !store_next(reader, &stored, &one);
}

bool
difference_is_none(struct store_reader *reader, const struct rulefile *rules)
{
	for (size_t i = 0; i < rules->n;)
		if (!same_key(reader, rules, &i))
			return false;
	return reader->info.rules == rules->n;
}

/* The line of the store that has the conditions of `rule`. */
static bool
find_line(struct store_reader *reader, const struct rule *rule,
    struct stored_rule *line, uint64_t *others)
{
	enum tag tag = key_bytes_tag(rule->key_bytes);
	struct requirement mine, its;
	struct stored_rules stored;
	struct stored_rule one;
	bool found = false;
	struct fault f;

	if (!requirement_parse(rule->requirement, tag, &mine, &f) ||
	    lines_of(reader, rule->key_bytes, &stored) != LOOKUP_FOUND)
		return false;
	while (store_next(reader, &stored, &one)) {
		(*others)++;
		if (found || !requirement_parse(one.requirement, tag, &its,
		    &f) || !client_same_conditions(&mine, &its))
			continue;
		found = true;
		*line = one;
		(*others)--;
	}
	return found;
}

bool
difference_has(struct store_reader *reader, const struct rulefile *rules,
    uint64_t *others)
{
	struct stored_rule line;
	bool all = true;

	*others = 0;
	for (size_t i = 0; i < rules->n; i++)
		all = find_line(reader, &rules->rules[i], &line, others) &&
		    same_text(&rules->rules[i], &line) &&
		    same_lists(reader, &rules->rules[i]) && all;
	return all;
}
