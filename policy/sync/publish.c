/*
 * Entries and rules, both sorted by key, are walked along together.  The lines of
 * one key have an order, which is that of their entries' names.
 */
#include <stdlib.h>
#include <string.h>

#include "policy/base/text.h"
#include "policy/sync/compile.h"
#include "policy/sync/entryname.h"
#include "policy/sync/publish.h"
#include "policy/sync/reach.h"

struct standing {
	const struct sync_entry *entry;
	const struct rule *rule; /* NULL: it is none, or stands for several */
	bool goes;
};

struct publishing {
	struct publish *to;
	struct standing *standing;
	size_t n;
	struct rulefile read; /* of the entries, unfinished */
	const struct rulefile *wanted;
};

static bool
add_step(struct publish *p, const struct publish_step *step, struct fault *f)
{
	if (p->n == p->allocated) {
		size_t more = p->allocated == 0 ? 64 : 2 * p->allocated;
		struct publish_step *steps = reallocarray(p->steps, more,
		    sizeof *steps);

		if (steps == NULL)
			return fault_no_memory(f);
		p->steps = steps;
		p->allocated = more;
	}
	p->steps[p->n++] = *step;
	p->count[step->how]++;
	return true;
}

static bool
add_rule(struct publishing *g, const struct rule *rule, unsigned number,
    struct fault *f)
{
	const struct publish_step step = { PUBLISH_ADD, NULL, rule_key(rule),
		rule_requirement(rule), number };

	if (number > ENTRYNAME_NUMBER_MAX)
		return fault_set(f, FAULT_DATA, "%.*s: more than %d lines",
		    SLICE_ARG(rule_key(rule)), ENTRYNAME_NUMBER_MAX);
	return add_step(g->to, &step, f);
}

/* Line i + 1 of the text is that of entry i; a bad one has no rule. */
static bool
read_entries(struct publishing *g, struct sync_entry **list, struct fault *f)
{
	const char **lines = calloc(g->n + 1, sizeof *lines);
	bool good;

	if (lines == NULL)
		return fault_no_memory(f);
	for (size_t i = 0; i < g->n; i++)
		lines[i] = list[i]->line;
	good = sync_reach_read(&g->read, lines, g->n, f);
	free(lines);
	return good;
}

static int
by_key_and_name(const void *a, const void *b)
{
	const struct standing *x = a, *y = b;
	int order;

	if (x->rule == NULL || y->rule == NULL)
		return (x->rule == NULL) - (y->rule == NULL);
	order = slice_compare(rule_key_bytes(x->rule), rule_key_bytes(y->rule));
	return order != 0 ? order : strcmp(x->entry->name, y->entry->name);
}

static bool
load(struct publishing *g, struct sync_entries *all, struct fault *f)
{
	struct sync_entry **list = sync_entries_list(all);
	bool good;

	g->n = all->n;
	g->standing = calloc(g->n + 1, sizeof *g->standing);
	good = list != NULL && g->standing != NULL;
	if (!good)
		fault_no_memory(f);
	good = good && read_entries(g, list, f);
	for (size_t i = 0; good && i < g->n; i++)
		g->standing[i].entry = list[i];
	for (size_t i = 0; good && i < g->read.n; i++)
		if ((g->read.rules[i].flags & RULE_UNTAGGED) == 0)
			g->standing[g->read.rules[i].line - 1].rule =
			    &g->read.rules[i];
	free(list);
	if (good)
		qsort(g->standing, g->n, sizeof *g->standing, by_key_and_name);
	return good;
}

/* The same rule as people read it. */
static bool
is_same(const struct rule *a, const struct rule *b)
{
	char a_text[REQUIREMENT_TEXT_MAX + 16], b_text[sizeof a_text];
	enum tag tag = key_bytes_tag(rule_key_bytes(a));
	struct requirement x, y;
	struct text left, right;
	struct fault f;

	if (slice_equal(rule_requirement(a), rule_requirement(b)))
		return true;
	if (!requirement_parse(rule_requirement(a), tag, &x, &f) ||
	    !requirement_parse(rule_requirement(b), tag, &y, &f))
		return false;
	text_init(&left, a_text, sizeof a_text);
	text_init(&right, b_text, sizeof b_text);
	requirement_print(&x, &left);
	requirement_print(&y, &right);
	return !left.cut && !right.cut && strcmp(left.buf, right.buf) == 0;
}

struct group {
	struct standing *standing; /* entries with this key */
	size_t n;
	const struct rule *wanted;
	size_t m;
};

static bool
is_wanted(const struct group *k, const struct rule *rule)
{
	for (size_t i = 0; i < k->m; i++)
		if (is_same(rule, &k->wanted[i]))
			return true;
	return false;
}

/*
 * Removes entries where a key has more than lines: first those that say none of
 * its lines, then the last.
 */
static void
thin_out(struct group *k)
{
	size_t too_many = k->n - k->m;

	for (size_t i = 0; too_many > 0 && i < k->n; i++)
		if (!is_wanted(k, k->standing[i].rule)) {
			k->standing[i].goes = true;
			too_many--;
		}
	for (size_t i = k->n; too_many > 0 && i-- > 0;)
		if (!k->standing[i].goes) {
			k->standing[i].goes = true;
			too_many--;
		}
}

/* The entries that stay are given the key's lines in order. */
static bool
assign(struct publishing *g, struct group *k, size_t *done, struct fault *f)
{
	for (size_t i = 0; i < k->n; i++) {
		const struct standing *s = &k->standing[i];
		struct publish_step step = { .how = PUBLISH_CHANGE,
			.name = s->entry->name };

		if (s->goes)
			continue;
		step.key = rule_key(&k->wanted[*done]);
		step.requirement = rule_requirement(&k->wanted[*done]);
		if (!is_same(s->rule, &k->wanted[(*done)++]) &&
		    !add_step(g->to, &step, f))
			return false;
	}
	return true;
}

/*
 * Gives new lines numbers behind the last one.  An entry without a number would
 * sort behind them: then all of the key are made anew.
 */
static bool
extend(struct publishing *g, struct group *k, struct fault *f)
{
	unsigned number = 0;
	bool numbered = true;
	size_t done = 0;

	for (size_t i = 0; i < k->n; i++) {
		unsigned n = entryname_number(k->standing[i].entry->name);

		numbered &= n > 0;
		number = n > number ? n : number;
	}
	for (size_t i = 0; !numbered && i < k->n; i++)
		k->standing[i].goes = true;
	if (!assign(g, k, &done, f))
		return false;
	if (k->m == 1)
		return add_rule(g, &k->wanted[0], 0, f);
	for (; done < k->m; done++)
		if (!add_rule(g, &k->wanted[done], ++number, f))
			return false;
	return true;
}

static bool
plan_group(struct publishing *g, struct group *k, struct fault *f)
{
	size_t done = 0;

	if (k->n < k->m)
		return extend(g, k, f);
	thin_out(k);
	return assign(g, k, &done, f);
}

static struct group
group_at(const struct publishing *g, size_t i, size_t j)
{
	struct group k = { .standing = g->standing + i,
		.wanted = g->wanted->rules + j };
	bool have = i < g->n && g->standing[i].rule != NULL;
	bool want = j < g->wanted->n;
	struct slice key = { NULL, 0 };

	if (want)
		key = rule_key_bytes(k.wanted);
	if (have && (!want || slice_compare(rule_key_bytes(k.standing->rule),
	    key) < 0))
		key = rule_key_bytes(k.standing->rule);
	while (i + k.n < g->n && k.standing[k.n].rule != NULL &&
	    slice_equal(rule_key_bytes(k.standing[k.n].rule), key))
		k.n++;
	while (j + k.m < g->wanted->n &&
	    slice_equal(rule_key_bytes(&k.wanted[k.m]), key))
		k.m++;
	return k;
}

static bool
compare(struct publishing *g, struct fault *f)
{
	size_t i = 0, j = 0;

	for (;;) {
		struct group k = group_at(g, i, j);

		if (k.n == 0 && k.m == 0)
			break;
		if (!plan_group(g, &k, f))
			return false;
		i += k.n;
		j += k.m;
	}
	/* Entries that are no rule go as well. */
	for (; i < g->n; i++)
		g->standing[i].goes = true;
	for (i = 0; i < g->n; i++) {
		const struct standing *s = &g->standing[i];
		const struct publish_step step = { .how = PUBLISH_REMOVE,
			.name = s->entry->name };

		if (s->goes && !add_step(g->to, &step, f))
			return false;
	}
	return true;
}

bool
publish_plan(struct sync_entries *all, const struct rulefile *rules,
    struct publish *p, struct fault *f)
{
	struct publishing g = { .to = p, .wanted = rules };
	bool good;

	memset(p, 0, sizeof *p);
	rulefile_init(&g.read, NULL, NULL);
	g.read.as_sendmail = rules->as_sendmail;
	good = (!all->no_memory || fault_no_memory(f)) &&
	    load(&g, all, f) && compare(&g, f);
	rulefile_free(&g.read);
	free(g.standing);
	return good;
}

static bool
take_step(const struct publish_step *s, struct directory *d, struct fault *f)
{
	switch (s->how) {
	case PUBLISH_ADD:
		return directory_add(d, s->key, s->number, s->requirement, f);
	case PUBLISH_CHANGE:
		return directory_change(d, s->name, s->requirement, f);
	case PUBLISH_REMOVE:
		break;
	}
	return directory_remove(d, s->name, f);
}

/*
 * Followers may see the directory after any step.  With new entries first, and
 * changes from the last to the first, a line that moves within its key stands
 * there twice for a while, and never not at all.
 */
bool
publish_do(const struct publish *p, struct directory *d, struct fault *f)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->steps[i].how == PUBLISH_ADD &&
		    !take_step(&p->steps[i], d, f))
			return false;
	for (size_t i = p->n; i-- > 0;)
		if (p->steps[i].how == PUBLISH_CHANGE &&
		    !take_step(&p->steps[i], d, f))
			return false;
	for (size_t i = 0; i < p->n; i++)
		if (p->steps[i].how == PUBLISH_REMOVE &&
		    !take_step(&p->steps[i], d, f))
			return false;
	return true;
}

void
publish_free(struct publish *p)
{
	free(p->steps);
	memset(p, 0, sizeof *p);
}
