/*
 * Lines AS:profile and the lines that they name.  All is tried when the rules
 * are read, so that what is looked up later can be put together.
 */
#include <stdlib.h>

#include "policy/rules/item.h"
#include "policy/rules/never.h"
#include "policy/rules/profile.h"
#include "policy/rules/rulefile-internal.h"

struct named {
	const struct rule *rule;
	bool used;
};

/* The profiles of the rules, by key. */
struct profiles {
	struct named *named;
	size_t n;
};

static int
compare(const void *a, const void *b)
{
	const struct named *x = a, *y = b;

	return slice_compare(rule_key_bytes(x->rule), rule_key_bytes(y->rule));
}

static bool
is_profile(const struct rule *rule)
{
	return key_bytes_tag(rule_key_bytes(rule)) == TAG_PROFILE;
}

static bool
collect(const struct rulefile *file, struct profiles *all)
{
	size_t n = 0;

	for (size_t i = 0; i < file->n; i++)
		n += is_profile(&file->rules[i]);
	all->n = 0;
	all->named = calloc(n + 1, sizeof *all->named);
	if (all->named == NULL)
		return false;
	for (size_t i = 0; i < file->n; i++)
		if (is_profile(&file->rules[i]))
			all->named[all->n++].rule = &file->rules[i];
	qsort(all->named, all->n, sizeof *all->named, compare);
	return true;
}

static struct named *
find(const struct profiles *all, struct slice name)
{
	struct rule rule = { .line = 0 };
	struct named wanted = { .rule = &rule };
	struct key key;

	if (!key_profile(name, &key))
		return NULL;
	rule.key_bytes_at = (const char *)key.bytes;
	rule.key_bytes_n = (uint16_t)key.n;
	return bsearch(&wanted, all->named, all->n, sizeof wanted, compare);
}

static bool
unknown(const struct profiles *all, struct slice name, struct fault *fault)
{
	struct nearest nearest;
	struct text hint;
	char buf[80];

	nearest_init(&nearest, name);
	for (size_t i = 0; i < all->n; i++)
		nearest_offer(&nearest, rule_what(all->named[i].rule));
	text_init(&hint, buf, sizeof buf);
	nearest_print(&nearest, &hint);
	fault_set(fault, FAULT_DATA, "found \"AS:%.*s\"; expected the name of "
	    "a profile, one of the lines Profile:...%s", SLICE_ARG(name),
	    hint.buf);
	fault->column = 1;
	return false;
}

/*
 * Can a line with its profile hold?  Items of the two may exclude each other.
 */
static bool
can_hold(const struct rulefile *file, const struct rule *rule,
    const struct requirement *r, struct fault *fault)
{
	struct never never;
	const struct never_row *row = never_requirement(&never,
	    key_bytes_tag(rule_key_bytes(rule)), r, file->as_sendmail);
	size_t at;

	if (row == NULL)
		return true;
	never_fault(&never, row, fault);
	at = (size_t)((uintptr_t)never.found.p -
	    (uintptr_t)rule_requirement(rule).p);
	fault->column = at < rule_requirement(rule).n ? at + 1 : 1;
	return false;
}

static bool
join(const struct rulefile *file, const struct profiles *all,
    const struct rule *rule, struct fault *fault)
{
	enum tag tag = key_bytes_tag(rule_key_bytes(rule));
	struct requirement line, profile;
	struct named *named;

	if (!requirement_parse(rule_requirement(rule), tag, &line, fault))
		return false;
	if ((named = find(all, line.profile)) == NULL)
		return file->bad_profile || unknown(all, line.profile, fault);
	named->used = true;
	return requirement_parse(rule_requirement(named->rule), TAG_PROFILE,
	    &profile, fault) && profile_join(&line, &profile, tag, fault) &&
	    can_hold(file, rule, &line, fault);
}

static void
warn_unused(const struct rulefile *file, const struct rule *rule)
{
	char where[FAULT_WHERE_MAX];
	struct fault fault;

	if (file->warn == NULL)
		return;
	fault_set(&fault, FAULT_DATA, "warning: no rule names AS:%.*s, so "
	    "this line does nothing", SLICE_ARG(rule_what(rule)));
	snprintf(where, sizeof where, "%.*s",
	    SLICE_ARG(file->sources[rule->source]));
	fault_at(&fault, where, rule->line, 1);
	file->warn(file->arg, &fault);
}

/*
 * Is the profile given twice?  That is reported, and either may have been
 * found.
 */
static bool
is_twice(const struct profiles *all, size_t i)
{
	return (i > 0 && compare(&all->named[i - 1], &all->named[i]) == 0) ||
	    (i + 1 < all->n &&
	    compare(&all->named[i], &all->named[i + 1]) == 0);
}

bool
rulefile_check_profiles(struct rulefile *file)
{
	struct profiles all;
	struct fault fault;

	if (file->n == 0)
		return true;
	if (!collect(file, &all))
		return false;
	for (size_t i = 0; i < file->nas; i++) {
		const struct rulefile_as *as = &file->as[i];
		const struct rule *rule = &file->rules[as->rule];

		if (join(file, &all, rule, &fault))
			continue;
		fault.column += as->column - 1;
		rulefile_bad_line(file, rule->source, rule->line, &fault);
	}
	/*
	 * With bad lines a profile that nobody names may be named by one of
	 * these.
	 */
	for (size_t i = 0; i < all.n && file->bad_lines == 0; i++)
		if (!all.named[i].used && !is_twice(&all, i))
			warn_unused(file, all.named[i].rule);
	free(all.named);
	return true;
}

bool
rulefile_add_as(struct rulefile *file, size_t rule, size_t column,
    struct fault *fault)
{
	if (file->nas == file->as_allocated) {
		size_t more = 2 * file->as_allocated + 64;
		struct rulefile_as *as = reallocarray(file->as, more,
		    sizeof *as);

		if (as == NULL)
			return fault_no_memory(fault);
		file->as = as;
		file->as_allocated = more;
	}
	file->as[file->nas++] = (struct rulefile_as){ rule, column };
	return true;
}

bool
rulefile_note_as(struct rulefile *file, size_t from, size_t column,
    struct fault *fault)
{
	for (size_t i = from; i < file->n; i++)
		if ((file->rules[i].flags & RULE_AS) != 0 &&
		    !rulefile_add_as(file, i, column, fault))
			return false;
	return true;
}

bool
rulefile_requirement(const struct rulefile *file, const struct rule *rule,
    struct requirement *r, struct fault *fault)
{
	enum tag tag = key_bytes_tag(rule_key_bytes(rule));
	struct requirement profile;
	size_t low = 0, high = file->n;
	struct key key;

	if (!requirement_parse(rule_requirement(rule), tag, r, fault))
		return false;
	if (r->need != NEED_AS)
		return true;
	if (!key_profile(r->profile, &key))
		high = 0;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct rule *it = &file->rules[middle];
		int order = slice_compare(rule_key_bytes(it), slice_make(
		    (const char *)key.bytes, key.n));

		if (order == 0)
			return requirement_parse(rule_requirement(it),
			    TAG_PROFILE, &profile, fault) &&
			    profile_join(r, &profile, tag, fault);
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return fault_set(fault, FAULT_DATA, "there is no line Profile:%.*s",
	    SLICE_ARG(r->profile));
}
