/*
 * Each round writes the rules as a text with one line for an entry, so that a
 * bad line names its entry, and lets those give way.  One round is the rule; the
 * rounds end since an entry gives way once.
 */
#include <stdlib.h>
#include <string.h>

#include "policy/sync/compile.h"

struct choice {
	struct sync_entry *entry;
	const char *line; /* "": nothing of it */
	bool gave_way;
	bool bad;  /* in this round */
	char *why; /* NULL: nothing was bad about it */
};

struct compiling {
	struct choice *choices; /* in the order of names */
	size_t n;
	struct sync_compiled *to;
	const struct sync_entries *all;
	struct fault first; /* of a line that could not give way */
	bool as_sendmail;
};

static int
by_name(const void *a, const void *b)
{
	const struct choice *x = a, *y = b;
	int order = strcmp(x->entry->name, y->entry->name);

	return order != 0 ? order :
	    memcmp(x->entry->uuid, y->entry->uuid, SYNCED_UUID);
}

/* Without memory it is nameless, and bad all the same. */
static void
set_why(struct choice *c, const char *why)
{
	free(c->why);
	c->why = strdup(why);
}

static struct slice
key_in(const char *line)
{
	return slice_make(line, strcspn(line, "\t"));
}

/* What was in force of the entry; or of one for its key that it replaces. */
static const char *
last_good(const struct compiling *g, const struct sync_entry *e)
{
	const struct sync_dropped *d = g->all->dropped;
	struct slice key = key_in(e->line);

	if (e->good[0] != '\0' || key.n == 0)
		return e->good;
	while (d != NULL && !slice_equal_nocase(key_in(d->good), key))
		d = d->next;
	return d != NULL ? d->good : e->good;
}

static void
give_way(const struct compiling *g, struct choice *c, const char *why)
{
	c->line = last_good(g, c->entry);
	c->gave_way = true;
	if (why != c->why)
		set_why(c, why);
}

static bool
may_give_way(const struct choice *c)
{
	return !c->gave_way && strcmp(c->entry->line, c->entry->good) != 0;
}

static void
note_bad(void *arg, const struct fault *f)
{
	struct compiling *g = arg;

	if (g->first.kind == FAULT_NONE)
		g->first = *f;
	if (f->line == 0 || f->line > g->n)
		return;
	g->choices[f->line - 1].bad = true;
	set_why(&g->choices[f->line - 1], f->text);
}

/* Empty lines keep the numbers right. */
static bool
print_lines(const struct compiling *g, char **text, size_t *n)
{
	FILE *out = open_memstream(text, n);
	bool good;

	if (out == NULL)
		return false;
	for (size_t i = 0; i < g->n; i++)
		fprintf(out, "%s\n", g->choices[i].line);
	good = !ferror(out);
	return fclose(out) == 0 && good;
}

/* *good: no line is bad. */
static bool
parse(struct compiling *g, bool *good, struct fault *f)
{
	struct rulefile *rules = &g->to->rules;
	char *text = NULL;
	size_t n;
	bool read;

	for (size_t i = 0; i < g->n; i++)
		g->choices[i].bad = false;
	fault_clear(&g->first);
	rulefile_free(rules);
	rulefile_init(rules, note_bad, g);
	rules->as_sendmail = g->as_sendmail;
	if (!print_lines(g, &text, &n)) {
		free(text);
		return fault_no_memory(f);
	}
	read = rulefile_read_text(rules, slice_make(text, n), SYNC_SOURCE, f);
	*good = read && rulefile_finish(rules);
	if (read && rules->no_memory)
		read = fault_no_memory(f);
	free(text);
	return read;
}

/* Who came to a key that another one holds, since the last commit. */
static bool
neighbours_give_way(struct compiling *g, const struct choice *bad)
{
	bool any = false;

	for (size_t i = 0; i < g->n; i++) {
		struct choice *c = &g->choices[i];

		if (c != bad && may_give_way(c) && slice_equal_nocase(
		    key_in(c->line), key_in(bad->line))) {
			give_way(g, c, bad->why == NULL ? "" : bad->why);
			any = true;
		}
	}
	return any;
}

/* False: nobody can. */
static bool
bad_give_way(struct compiling *g)
{
	bool any = false;

	for (size_t i = 0; i < g->n; i++) {
		struct choice *c = &g->choices[i];

		if (!c->bad)
			continue;
		if (may_give_way(c)) {
			give_way(g, c, c->why == NULL ? "" : c->why);
			any = true;
		} else if (neighbours_give_way(g, c))
			any = true;
	}
	/* What they need may have been changed elsewhere, as a profile. */
	for (size_t i = 0; !any && i < g->n; i++)
		if (may_give_way(&g->choices[i])) {
			give_way(g, &g->choices[i], g->first.text);
			any = true;
		}
	return any;
}

static bool
settle(struct compiling *g, struct fault *f)
{
	bool good;

	for (;;) {
		if (!parse(g, &good, f))
			return false;
		if (good)
			return true;
		if (!bad_give_way(g)) {
			*f = g->first;
			return false;
		}
	}
}

static bool
choose(struct compiling *g, struct sync_entries *all, struct fault *f)
{
	struct sync_entry **list = sync_entries_list(all);

	g->n = all->n;
	g->choices = calloc(g->n + 1, sizeof *g->choices);
	if (list == NULL || g->choices == NULL) {
		free(list);
		return fault_no_memory(f);
	}
	for (size_t i = 0; i < g->n; i++) {
		struct choice *c = &g->choices[i];

		c->entry = list[i];
		c->line = list[i]->line;
		if (list[i]->why != NULL)
			give_way(g, c, list[i]->why);
	}
	free(list);
	qsort(g->choices, g->n, sizeof *g->choices, by_name);
	return true;
}

static int
by_uuid(const void *a, const void *b)
{
	return memcmp(((const struct synced_entry *)a)->uuid,
	    ((const struct synced_entry *)b)->uuid, SYNCED_UUID);
}

static bool
fill_entries(struct compiling *g, struct fault *f)
{
	struct sync_compiled *to = g->to;

	to->n = g->n;
	to->entries = calloc(g->n + 1, sizeof *to->entries);
	if (to->entries == NULL)
		return fault_no_memory(f);
	for (size_t i = 0; i < g->n; i++) {
		const struct choice *c = &g->choices[i];
		struct synced_entry *e = &to->entries[i];

		memcpy(e->uuid, c->entry->uuid, SYNCED_UUID);
		e->name = slice_of(c->entry->name);
		e->line = slice_of(c->entry->line);
		e->good = slice_of(c->line);
		to->held_back += c->gave_way;
	}
	qsort(to->entries, to->n, sizeof *to->entries, by_uuid);
	return true;
}

bool
sync_compile(struct sync_entries *all, bool as_sendmail,
    void (*told)(void *, const struct sync_entry *, const char *why,
    bool stays), void *arg, struct sync_compiled *to, struct fault *f)
{
	struct compiling g = { .to = to, .all = all,
		.as_sendmail = as_sendmail };
	bool good;

	memset(to, 0, sizeof *to);
	rulefile_init(&to->rules, NULL, NULL);
	good = (!all->no_memory || fault_no_memory(f)) &&
	    choose(&g, all, f) && settle(&g, f) && fill_entries(&g, f);
	to->rules.report = NULL;
	to->rules.arg = NULL;
	for (size_t i = 0; g.choices != NULL && i < g.n; i++)
		if (g.choices[i].gave_way)
			told(arg, g.choices[i].entry, g.choices[i].why,
			    g.choices[i].line[0] != '\0');
	for (size_t i = 0; g.choices != NULL && i < g.n; i++)
		free(g.choices[i].why);
	free(g.choices);
	return good;
}

void
sync_compiled_commit(struct sync_entries *all, struct sync_compiled *to)
{
	for (size_t i = 0; i < to->n; i++) {
		struct sync_entry *e = sync_entries_find(all,
		    to->entries[i].uuid);

		if (e != NULL)
			sync_entries_accept(all, e, to->entries[i].good);
	}
	sync_entries_committed(all);
}

void
sync_compiled_free(struct sync_compiled *to)
{
	rulefile_free(&to->rules);
	free(to->entries);
	memset(to, 0, sizeof *to);
}
