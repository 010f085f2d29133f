/*
 * Domains: found, or new; order, room, and the end.  They are found by
 * tsearch(3), whose trees stay balanced whatever names a hostile sender thinks
 * of.
 */
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "policy/report/recent.h"
#include "policy/base/tree.h"

static int
compare_names(const void *a, const void *b)
{
	return strcmp(((const struct report_domain *)a)->name,
	    ((const struct report_domain *)b)->name);
}

struct report_domain *
report_new_domain(const char *name)
{
	struct report_domain *d = calloc(1, sizeof *d);

	if (d != NULL && (d->name = strdup(name)) == NULL) {
		free(d);
		d = NULL;
	}
	return d;
}

bool
report_keep_domain(struct report *r, struct report_domain *d)
{
	if (tsearch(d, &r->domain_tree, compare_names) == NULL)
		return false;
	r->domains[r->ndomains++] = d;
	return true;
}

static uint64_t
attempts(const struct report_domain *d)
{
	return d->sum.n[COUNT_MAILS] + d->sum.n[COUNT_REFUSED];
}

/* Mails and refusals of a domain; more if one was ever verified. */
static uint64_t
weight(const struct report_domain *d)
{
	return attempts(d) + (d->sum.n[COUNT_VERIFIED] > 0 ? 1000 : 0);
}

static int
compare_weights(const void *pa, const void *pb)
{
	const struct report_domain *a = *(struct report_domain *const *)pa;
	const struct report_domain *b = *(struct report_domain *const *)pb;

	if (weight(a) != weight(b))
		return weight(a) < weight(b) ? 1 : -1;
	return strcmp(a->name, b->name);
}

/*
 * Moves the cells of `d` to `other`, day by day, and frees those of days that
 * it has.
 */
static void
merge_cells(struct report *r, struct report_domain *other,
    struct report_domain *d)
{
	struct report_cell **at = &other->cells;

	while (d->cells != NULL) {
		struct report_cell *cell = d->cells;

		while (*at != NULL && (*at)->day > cell->day)
			at = &(*at)->next;
		d->cells = cell->next;
		if (*at != NULL && (*at)->day == cell->day) {
			report_count_add(&(*at)->count, &cell->count);
			free(cell);
			r->ncells--;
		} else {
			cell->next = *at;
			*at = cell;
		}
	}
}

static void
merge(struct report *r, struct report_domain *d)
{
	struct report_domain *other = r->other;

	report_count_add(&other->sum, &d->sum);
	merge_cells(r, other, d);
	if (other->first == 0 || d->first < other->first)
		other->first = d->first;
	if (d->last > other->last)
		other->last = d->last;
	report_free_domain(d);
	r->folded++;
}

bool
report_fold(struct report *r)
{
	size_t all = r->ndomains, keep = all / 2;

	if (r->other == NULL &&
	    (r->other = report_new_domain("(other)")) == NULL)
		return false;
	qsort(r->domains, all, sizeof *r->domains, compare_weights);
	report_forget_domains(r);
	tree_drop(&r->domain_tree);
	r->ndomains = 0;
	for (size_t i = 0; i < all; i++)
		if (i >= keep)
			merge(r, r->domains[i]);
		else if (!report_keep_domain(r, r->domains[i]))
			return false;
	return true;
}

/* NULL: out of memory. */
static struct report_domain *
add_domain(struct report *r, const char *name)
{
	struct report_domain *d;

	if (r->domains == NULL)
		r->domains = calloc(REPORT_DOMAINS_MAX + 1,
		    sizeof(struct report_domain *));
	if (r->domains == NULL || ((r->ndomains == REPORT_DOMAINS_MAX ||
	    r->ncells > REPORT_CELLS_MAX) && !report_fold(r)))
		return NULL;
	d = report_new_domain(name);
	if (d != NULL && !report_keep_domain(r, d)) {
		report_free_domain(d);
		return NULL;
	}
	return d;
}

struct report_domain *
report_find_domain(struct report *r, char *name)
{
	struct report_domain wanted = { .name = name };
	struct report_domain *d = report_recent_domain(r, slice_of(name));
	void **hit = d != NULL ? NULL : tfind(&wanted, &r->domain_tree,
	    compare_names);

	if (d == NULL)
		d = hit != NULL ? *hit : add_domain(r, name);
	if (d != NULL)
		report_note_domain(r, d);
	return d;
}

static void
put_in_order(struct report_cell **list)
{
	struct report_cell *ordered = NULL;

	while (*list != NULL) {
		struct report_cell *cell = *list;

		*list = cell->next;
		cell->next = ordered;
		ordered = cell;
	}
	*list = ordered;
}

static int
compare_mails(const void *pa, const void *pb)
{
	const struct report_domain *a = *(struct report_domain *const *)pa;
	const struct report_domain *b = *(struct report_domain *const *)pb;
	uint64_t na = attempts(a);
	uint64_t nb = attempts(b);

	return na != nb ? (na < nb ? 1 : -1) : strcmp(a->name, b->name);
}

static int
compare_rules(const void *pa, const void *pb)
{
	const struct report_rule *a = *(struct report_rule *const *)pa;
	const struct report_rule *b = *(struct report_rule *const *)pb;
	uint64_t na = a->refused + a->would, nb = b->refused + b->would;
	int order = strcmp(a->key, b->key);

	if (na != nb)
		return na < nb ? 1 : -1;
	return order != 0 ? order : strcmp(a->requirement, b->requirement);
}

static int
compare_suites(const void *pa, const void *pb)
{
	const struct report_suite *a = pa, *b = pb;

	return a->mails != b->mails ? (a->mails < b->mails ? 1 : -1) :
	    strcmp(a->name, b->name);
}

void
report_finish(struct report *r)
{
	put_in_order(&r->days);
	for (size_t i = 0; i < r->ndomains; i++)
		put_in_order(&r->domains[i]->cells);
	if (r->ndomains > 0)
		qsort(r->domains, r->ndomains, sizeof *r->domains,
		    compare_mails);
	if (r->nrules > 0)
		qsort(r->rules, r->nrules, sizeof *r->rules, compare_rules);
	qsort(r->suites, r->nsuites, sizeof r->suites[0], compare_suites);
	/* "(other)" is no domain and comes last, whatever its mails. */
	if (r->other != NULL) {
		put_in_order(&r->other->cells);
		r->domains[r->ndomains++] = r->other;
	}
}

void
report_free(struct report *r)
{
	struct report_domain days = { .name = NULL };

	tree_drop(&r->domain_tree);
	tree_drop(&r->rule_tree);
	if (r->other != NULL && (r->ndomains == 0 ||
	    r->domains[r->ndomains - 1] != r->other))
		report_free_domain(r->other);
	for (size_t i = 0; i < r->ndomains; i++)
		report_free_domain(r->domains[i]);
	for (size_t i = 0; i < r->nrules; i++)
		report_free_rule(r->rules[i]);
	for (days.cells = r->days; days.cells != NULL; days.cells = r->days) {
		r->days = days.cells->next;
		free(days.cells);
	}
	free(r->domains);
	free(r->rules);
	free(r->recent);
	organisations_free(r->known);
}
