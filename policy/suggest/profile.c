/*
 * Which profile says what a proposal says, and which proposals could share one.
 * Equal is meant to the letter: class, bits, and each item, so that nobody gets
 * more or less than mail has borne out.  What any one of several will do for
 * (names, hosts) may be the line's own, as a profile has none of that kind then.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/rules/item.h"
#include "policy/rules/profile.h"
#include "policy/suggest/suggest-internal.h"

static const char *const classes[] = {
	[SUGGEST_WARN] = "WARN", [SUGGEST_TEMP] = "TEMP",
	[SUGGEST_PERM] = "PERM"
};

static bool
has_item(const struct requirement *r, const struct item *wanted)
{
	for (unsigned i = 0; i < r->nitems; i++)
		if (r->items[i].row == wanted->row && slice_equal_nocase(
		    r->items[i].value, wanted->value))
			return true;
	return false;
}

static bool
has_all(const struct requirement *r, const struct requirement *others)
{
	for (unsigned i = 0; i < others->nitems; i++)
		if (others->items[i].row->test != NULL &&
		    !has_item(r, &others->items[i]))
			return false;
	return true;
}

/*
 * An alternative (name, host) of a line whose profile has none of that kind
 * stays in the line.
 */
static bool
is_own(const struct requirement *profile, const struct item *item)
{
	if (!item_is_alternative(item->row, false))
		return false;
	for (unsigned i = 0; i < profile->nitems; i++)
		if (profile->items[i].row == item->row)
			return false;
	return true;
}

static bool
joins_to(const struct requirement *line, const struct requirement *profile,
    enum tag tag, const struct requirement *wanted)
{
	struct requirement both = *line;
	struct fault ignored;

	return profile_join(&both, profile, tag, &ignored) &&
	    both.class == wanted->class && both.need == wanted->need &&
	    both.has_bits == wanted->has_bits && both.bits == wanted->bits &&
	    has_all(&both, wanted) && has_all(wanted, &both);
}

/*
 * The line AS:NAME that, with this profile, asks for what is wanted; false:
 * none does.
 */
static bool
put_line(struct slice name, const struct requirement *profile, enum tag tag,
    const struct requirement *wanted, struct requirement *line)
{
	struct requirement own = { .need = NEED_AS, .profile = name,
		.from = DAY_ALWAYS_FROM, .until = DAY_ALWAYS_UNTIL };

	for (unsigned i = 0; i < wanted->nitems; i++)
		if (is_own(profile, &wanted->items[i]))
			own.items[own.nitems++] = wanted->items[i];
	if (!joins_to(&own, profile, tag, wanted))
		return false;
	*line = own;
	return true;
}

/* Leaves what a profile may say: no alternatives, which are the lines' own. */
static void
strip(struct requirement *r)
{
	unsigned n = 0;

	for (unsigned i = 0; i < r->nitems; i++)
		if (!item_is_alternative(r->items[i].row, false) &&
		    r->items[i].row->test != NULL)
			r->items[n++] = r->items[i];
	r->nitems = n;
}

static bool
is_profile(const struct rule *rule)
{
	return key_bytes_tag(rule_key_bytes(rule)) == TAG_PROFILE;
}

/* The line by the first profile of the rules that fits. */
static bool
line_of_rules(const struct suggest *s, const struct requirement *wanted,
    struct requirement *line)
{
	struct requirement profile;
	struct fault ignored;

	for (size_t i = 0; s->rules != NULL && i < s->rules->n; i++) {
		const struct rule *rule = &s->rules->rules[i];

		if (is_profile(rule) &&
		    requirement_parse(rule_requirement(rule),
		    TAG_PROFILE, &profile, &ignored) &&
		    put_line(rule_what(rule), &profile, s->tag, wanted, line))
			return true;
	}
	return false;
}

/* The line by the profile that is offered to the domain's group. */
static bool
line_of_group(const struct suggest *s, const struct suggest_group *group,
    const struct requirement *wanted, struct requirement *line)
{
	struct requirement profile;
	struct fault ignored;

	return group != NULL && s->make_profiles && requirement_parse(slice_of(
	    group->requirement), TAG_PROFILE, &profile, &ignored) &&
	    put_line(slice_of(group->name), &profile, s->tag, wanted, line);
}

bool
suggest_profile_line(const struct suggest *s, const struct suggest_domain *d,
    const struct requirement *wanted, struct requirement *line)
{
	return line_of_rules(s, wanted, line) ||
	    line_of_group(s, d->group, wanted, line);
}

bool
suggest_requirement(const struct suggest *s, const struct suggest_domain *d,
    char *memory, size_t size, struct requirement *r)
{
	struct fault ignored;
	struct text classed;

	text_init(&classed, memory, size);
	text_printf(&classed, "%s+%s", classes[d->stage], d->proposal);
	return requirement_parse(slice_make(classed.buf, classed.n), s->tag,
	    r, &ignored);
}

/* The group with this requirement, a new one if there is none. */
static struct suggest_group *
group_of(struct suggest *s, enum suggest_stage stage, const char *requirement)
{
	struct suggest_group *g;

	for (g = s->groups; g != NULL; g = g->next)
		if (g->stage == stage && strcmp(g->requirement,
		    requirement) == 0)
			return g;
	g = calloc(1, sizeof *g);
	if (g == NULL || (g->requirement = strdup(requirement)) == NULL) {
		free(g);
		return NULL;
	}
	g->stage = stage;
	g->next = s->groups;
	s->groups = g;
	return g;
}

static bool
is_taken(const struct suggest *s, const char *name)
{
	for (size_t i = 0; s->rules != NULL && i < s->rules->n; i++)
		if (is_profile(&s->rules->rules[i]) &&
		    slice_is_nocase(rule_what(&s->rules->rules[i]), name))
			return true;
	return false;
}

/* "suggested-3"; of those with too few there is no name. */
static void
name_groups(struct suggest *s)
{
	unsigned number = 0;

	for (struct suggest_group *g = s->groups; g != NULL; g = g->next) {
		if (g->n < SUGGEST_GROUP)
			continue;
		do
			snprintf(g->name, sizeof g->name, "suggested-%u",
			    ++number);
		while (is_taken(s, g->name));
	}
}

bool
suggest_group_domains(struct suggest *s)
{
	char text[REQUIREMENT_TEXT_MAX + 8], shared[REQUIREMENT_TEXT_MAX + 8];
	struct requirement r, line;
	struct text out;

	for (size_t i = 0; i < s->n; i++) {
		struct suggest_domain *d = s->domains[i];

		if (d->stage == SUGGEST_NONE || d->checked == 0 ||
		    !suggest_requirement(s, d, text, sizeof text, &r) ||
		    line_of_rules(s, &r, &line))
			continue;
		strip(&r);
		text_init(&out, shared, sizeof shared);
		requirement_print(&r, &out);
		d->group = group_of(s, d->stage, shared);
		if (d->group == NULL)
			return false;
		d->group->n++;
	}
	name_groups(s);
	for (size_t i = 0; i < s->n; i++)
		if (s->domains[i]->group != NULL &&
		    s->domains[i]->group->n < SUGGEST_GROUP)
			s->domains[i]->group = NULL;
	return true;
}

void
suggest_free_groups(struct suggest *s)
{
	while (s->groups != NULL) {
		struct suggest_group *next = s->groups->next;

		free(s->groups->requirement);
		free(s->groups);
		s->groups = next;
	}
}
