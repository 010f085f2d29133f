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
	const char *line; /* "": no line of this entry */
	bool gave_way;
	bool bad;  /* in this round */
	char *why; /* NULL: nothing was bad about it */
};

struct compiling {
	struct choice *choices; /* entries that were looked at, by UUID */
	struct named *named;	/* the same in the order of names */
	const char **lines;	/* of a round, by name */
	size_t n;
	struct sync_compiled *to;
	const struct sync_entries *all;
	struct fault first; /* of a line that could not give way */
	bool as_sendmail;
};

/*
 * Bytes of a name as a number, and where those of many are the same the bytes
 * behind them: few comparisons have to look at the name.
 */
enum { NAMED_FEW = 16 };

struct named {
	uint64_t head;
	struct choice *choice;
};

static int
by_head(const void *a, const void *b)
{
	const struct named *m = a, *n = b;

	return (m->head > n->head) - (m->head < n->head);
}

static int
by_name(const void *a, const void *b)
{
	const struct named *m = a, *n = b;
	const struct sync_entry *x = m->choice->entry, *y = n->choice->entry;
	int order = strcmp(x->name, y->name);

	return order != 0 ? order : memcmp(x->uuid, y->uuid, SYNCED_UUID);
}

static uint64_t
head_of(const char *name)
{
	uint64_t head = 0;

	for (int i = 0; i < 8; i++) {
		head = head << 8 | (unsigned char)*name;
		name += *name != '\0';
	}
	return head;
}

/* Bytes that all names share, at least `from`: they order nothing. */
static size_t
common_beginning(const struct named *all, size_t n, size_t from)
{
	const char *first = all[0].choice->entry->name;
	size_t common = strlen(first);

	for (size_t i = 1; i < n; i++) {
		const char *name = all[i].choice->entry->name;
		size_t same = from;

		while (same < common && name[same] == first[same])
			same++;
		common = same;
	}
	return common;
}

static void
sort_by_name(struct named *all, size_t n, size_t from)
{
	size_t end;

	if (n <= NAMED_FEW) {
		if (n > 1)
			qsort(all, n, sizeof *all, by_name);
		return;
	}
	from = common_beginning(all, n, from);
	for (size_t i = 0; i < n; i++)
		all[i].head = head_of(all[i].choice->entry->name + from);
	qsort(all, n, sizeof *all, by_head);
	/* One head for all names means that they are equal. */
	if (all[0].head == all[n - 1].head) {
		qsort(all, n, sizeof *all, by_name);
		return;
	}
	for (size_t i = 0; i < n; i = end) {
		for (end = i + 1; end < n && all[end].head == all[i].head;)
			end++;
		sort_by_name(all + i, end - i, from);
	}
}

/* Without memory `why` is NULL, and the line bad all the same. */
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

/* The entry's own line in force, or that of a dropped entry with its key. */
static const char *
last_good(const struct compiling *g, const struct sync_entry *e)
{
	const struct sync_dropped *d = g->all->dropped;
	struct slice key = key_in(e->line);

	if (e->good[0] != '\0' || key.n == 0)
		return e->good;
	while (d != NULL && !key_same(key_in(d->good), key))
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
	g->named[f->line - 1].choice->bad = true;
	set_why(g->named[f->line - 1].choice, f->text);
}

/*
 * Reads a round's lines; *good: none is bad.  An empty line is no rule, but
 * keeps the numbers of those behind it.
 */
static bool
parse(struct compiling *g, bool *good, struct fault *f)
{
	struct rulefile *rules = &g->to->rules;
	bool read;

	for (size_t i = 0; i < g->n; i++) {
		g->named[i].choice->bad = false;
		g->lines[i] = g->named[i].choice->line;
	}
	fault_clear(&g->first);
	rulefile_free(rules);
	rulefile_init(rules, note_bad, g);
	rules->as_sendmail = g->as_sendmail;
	rules->entries = true;
	read = sync_reach_read(rules, g->lines, g->n, f);
	*good = read && rulefile_finish(rules);
	if (read && rules->no_memory)
		read = fault_no_memory(f);
	return read;
}

/*
 * Entries with the key of a bad one give way, if they came to it since the last
 * commit.
 */
static bool
neighbours_give_way(struct compiling *g, const struct choice *bad)
{
	bool any = false;

	for (size_t i = 0; i < g->n; i++) {
		struct choice *c = g->named[i].choice;

		if (c != bad && may_give_way(c) && key_same(key_in(c->line),
		    key_in(bad->line))) {
			give_way(g, c, bad->why == NULL ? "" : bad->why);
			any = true;
		}
	}
	return any;
}

/* False: no entry can give way any more. */
static bool
bad_give_way(struct compiling *g)
{
	bool any = false;

	for (size_t i = 0; i < g->n; i++) {
		struct choice *c = g->named[i].choice;

		if (!c->bad)
			continue;
		if (may_give_way(c)) {
			give_way(g, c, c->why == NULL ? "" : c->why);
			any = true;
		} else if (neighbours_give_way(g, c))
			any = true;
	}
	/* A bad entry may need what another one changed, such as a profile. */
	for (size_t i = 0; !any && i < g->n; i++)
		if (may_give_way(g->named[i].choice)) {
			give_way(g, g->named[i].choice, g->first.text);
			any = true;
		}
	return any;
}

static bool
run_rounds(struct compiling *g, struct fault *f)
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
choose(struct compiling *g, struct sync_entry *const *list, size_t n,
    struct fault *f)
{
	g->choices = calloc(n + 1, sizeof *g->choices);
	g->named = calloc(n + 1, sizeof *g->named);
	g->lines = calloc(n + 1, sizeof *g->lines);
	if (g->choices == NULL || g->named == NULL || g->lines == NULL)
		return fault_no_memory(f);
	g->n = n;
	for (size_t i = 0; i < n; i++) {
		struct choice *c = &g->choices[i];

		g->named[i].choice = c;
		c->entry = list[i];
		c->line = list[i]->line;
		if (list[i]->why != NULL)
			give_way(g, c, list[i]->why);
	}
	sort_by_name(g->named, n, 0);
	return true;
}

static bool
choose_all(struct compiling *g, struct sync_entries *all, struct fault *f)
{
	struct sync_entry **list = sync_entries_list(all);
	bool good = list != NULL ? choose(g, list, all->n, f) :
	    fault_no_memory(f);

	free(list);
	return good;
}

/* Takes the entries that have changed and those whom that concerns, or all. */
static bool
choose_any(struct compiling *g, struct sync_entries *all,
    const struct sync_index *index, struct fault *f)
{
	struct sync_compiled *to = g->to;

	if (index == NULL)
		return choose_all(g, all, f);
	if (!sync_reach_find(all, index, g->as_sendmail, &to->reach, f))
		return false;
	/*
	 * A store has at least one rule: so of all entries one must be left out
	 * here.
	 */
	to->whole = to->reach.n == all->n || to->reach.n > all->n / 2;
	return to->whole ? choose_all(g, all, f) :
	    choose(g, to->reach.entries, to->reach.n, f);
}

struct linking {
	struct sync_compiled *to;
	const struct sync_entry *entry;
	bool no_memory;
};

static void
link_place(void *arg, enum sync_place kind, struct slice what)
{
	struct linking *l = arg;
	struct sync_compiled *to = l->to;
	struct sync_link *link;

	if (to->nlinks == to->links_allocated) {
		size_t room = 2 * to->nlinks + 64;
		struct sync_link *bigger = reallocarray(to->links, room,
		    sizeof *bigger);

		l->no_memory |= bigger == NULL;
		if (bigger == NULL)
			return;
		to->links = bigger;
		to->links_allocated = room;
	}
	link = &to->links[to->nlinks++];
	link->place = sync_place_of(kind, what);
	memcpy(link->uuid, l->entry->uuid, SYNCED_UUID);
}

/*
 * The line of a rule becomes its number within its key.  Its number by name
 * would change with each entry that comes before it.
 */
static bool
link_rules(struct compiling *g, struct fault *f)
{
	struct rulefile *rules = &g->to->rules;
	struct linking l = { .to = g->to };

	for (size_t i = 0; i < rules->n; i++) {
		struct rule *rule = &rules->rules[i];

		l.entry = g->named[rule->line - 1].choice->entry;
		if (g->to->whole || l.entry->touched)
			sync_places_of(rule, link_place, &l);
		rule->line = (rule->flags & RULE_REPEATED) != 0 ?
		    rules->rules[i - 1].line + 1 : 1;
	}
	return !l.no_memory || fault_no_memory(f);
}

static bool
fill_entries(struct compiling *g, struct fault *f)
{
	struct sync_compiled *to = g->to;

	to->entries = calloc(g->n + 1, sizeof *to->entries);
	to->whose = calloc(g->n + 1, sizeof *to->whose);
	if (to->entries == NULL || to->whose == NULL)
		return fault_no_memory(f);
	for (size_t i = 0; i < g->n; i++) {
		const struct choice *c = &g->choices[i];
		struct synced_entry *e = &to->entries[to->told.n];

		to->held_back += c->gave_way;
		if (!to->whole && !c->entry->touched)
			continue;
		memcpy(e->uuid, c->entry->uuid, SYNCED_UUID);
		e->name = slice_of(c->entry->name);
		e->line = slice_of(c->entry->line);
		e->good = slice_of(c->line);
		to->whose[to->told.n++] = c->entry;
	}
	to->told.entries = to->entries;
	return true;
}

static bool
fill_change(struct compiling *g, struct fault *f)
{
	struct sync_compiled *to = g->to;
	size_t n = 0;

	for (const struct sync_dropped *d = g->all->dropped; d != NULL;
	    d = d->next)
		n++;
	to->gone = calloc(n + 1, sizeof *to->gone);
	if (to->gone == NULL)
		return fault_no_memory(f);
	for (const struct sync_dropped *d = g->all->dropped; d != NULL;
	    d = d->next)
		memcpy(to->gone[to->change.ngone++], d->uuid, SYNCED_UUID);
	to->change.gone = to->gone;
	to->change.keys = to->reach.keys;
	to->change.nkeys = to->reach.nkeys;
	return true;
}

static void
report(struct compiling *g, void (*told)(void *, const struct sync_entry *,
    const char *why, bool stays), void *arg)
{
	for (size_t i = 0; i < g->n; i++) {
		struct choice *c = g->named[i].choice;

		if (c->gave_way)
			told(arg, c->entry, c->why, c->line[0] != '\0');
		free(c->why);
	}
}

bool
sync_compile(struct sync_entries *all, const struct sync_index *index,
    bool as_sendmail, void (*told)(void *, const struct sync_entry *,
    const char *why, bool stays), void *arg, struct sync_compiled *to,
    struct fault *f)
{
	struct compiling g = { .to = to, .all = all,
		.as_sendmail = as_sendmail };
	bool good;

	memset(to, 0, sizeof *to);
	to->whole = true;
	rulefile_init(&to->rules, NULL, NULL);
	if (all->no_memory)
		return fault_no_memory(f);
	good = choose_any(&g, all, index, f) && run_rounds(&g, f) &&
	    link_rules(&g, f) && fill_entries(&g, f) &&
	    (to->whole || fill_change(&g, f));
	to->rules.report = NULL;
	to->rules.arg = NULL;
	report(&g, told, arg);
	free(g.choices);
	free(g.named);
	free(g.lines);
	return good;
}

static bool
index_all(struct sync_index *index, const struct sync_compiled *to)
{
	if (to->whole && !sync_index_renew(index, to->nlinks))
		return false;
	for (size_t i = 0; i < to->reach.nbefore && !to->whole; i++)
		sync_index_remove(index, to->reach.before[i].place,
		    to->reach.before[i].uuid);
	for (size_t i = 0; i < to->nlinks; i++)
		if (!sync_index_add(index, to->links[i].place,
		    to->links[i].uuid))
			return false;
	return true;
}

bool
sync_compiled_commit(struct sync_entries *all, struct sync_index *index,
    struct sync_compiled *to, bool wrote)
{
	for (size_t i = 0; i < to->told.n; i++)
		sync_entries_accept(all, to->whose[i], to->entries[i].good);
	sync_entries_committed(all, wrote);
	return index_all(index, to);
}

void
sync_compiled_free(struct sync_compiled *to)
{
	rulefile_free(&to->rules);
	sync_reach_free(&to->reach);
	free(to->entries);
	free(to->whose);
	free(to->gone);
	free(to->links);
	memset(to, 0, sizeof *to);
}
