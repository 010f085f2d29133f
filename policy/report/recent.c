/*
 * Each name has one place, where the last one of its hash stands.  A stranger
 * whose names all share a place makes the report as slow as its trees are.
 */
#include <stdlib.h>
#include <string.h>

#include "policy/report/recent.h"

enum { DOMAIN_PLACES = 1 << 16, RULE_PLACES = 1 << 13 };

struct report_recent {
	struct report_domain *domain[DOMAIN_PLACES];
	struct report_rule *rule[RULE_PLACES];
};

static size_t
domain_place(struct slice name)
{
	return slice_hash(name) % DOMAIN_PLACES;
}

static size_t
rule_place(struct slice key, struct slice requirement)
{
	return (slice_hash(key) + 3 * slice_hash(requirement)) % RULE_PLACES;
}

struct report_domain *
report_recent_domain(const struct report *r, struct slice name)
{
	struct report_domain *d = r->recent == NULL ? NULL :
	    r->recent->domain[domain_place(name)];

	return d != NULL && slice_is(name, d->name) ? d : NULL;
}

struct report_rule *
report_recent_rule(const struct report *r, struct slice key,
    struct slice requirement)
{
	struct report_rule *rule = r->recent == NULL ? NULL :
	    r->recent->rule[rule_place(key, requirement)];

	return rule != NULL && report_is_copy(rule->key, key) &&
	    report_is_copy(rule->requirement, requirement) ? rule : NULL;
}

static bool
has_places(struct report *r)
{
	if (r->recent == NULL)
		r->recent = calloc(1, sizeof *r->recent);
	return r->recent != NULL;
}

void
report_note_domain(struct report *r, struct report_domain *d)
{
	if (has_places(r))
		r->recent->domain[domain_place(slice_of(d->name))] = d;
}

void
report_note_rule(struct report *r, struct report_rule *rule)
{
	if (has_places(r))
		r->recent->rule[rule_place(slice_of(rule->key),
		    slice_of(rule->requirement))] = rule;
}

void
report_forget_domains(struct report *r)
{
	if (r->recent != NULL)
		memset(r->recent->domain, 0, sizeof r->recent->domain);
}
