#include "config.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "policy/base/tree.h"
#include "policy/sync/entries.h"

/* With fewer entries, removing half of them is usual work. */
enum { MANY = 16 };

static int
compare(const void *a, const void *b)
{
	const struct sync_entry *x = a, *y = b;

	return memcmp(x->uuid, y->uuid, SYNCED_UUID);
}

void
sync_entries_init(struct sync_entries *all)
{
	memset(all, 0, sizeof *all);
	TAILQ_INIT(&all->touched);
	text_init(&all->gone, all->gone_text, sizeof all->gone_text);
}

/* Of 200,000 entries each allocation less is ten milliseconds. */
static const char nothing[] = "";

static char *
no_text(void)
{
	return (char *)(uintptr_t)nothing;
}

static void
free_text(char *text)
{
	if (text != nothing)
		free(text);
}

static void
free_entry(struct sync_entry *e)
{
	if (e->good != e->line)
		free_text(e->good);
	free_text(e->name);
	free_text(e->line);
	free(e);
}

struct sync_entry *
sync_entries_find(const struct sync_entries *all, const unsigned char uuid[SYNCED_UUID])
{
	struct sync_entry key;
	struct sync_entry *const *found;

	memcpy(key.uuid, uuid, SYNCED_UUID);
	found = tfind(&key, &all->tree, compare);
	return found == NULL ? NULL : *found;
}

/* Puts the entry into the list of touched ones, or takes it out. */
static void
touch(struct sync_entries *all, struct sync_entry *e)
{
	bool is = e->changed || e->held || !e->stored;

	if (is && !e->touched)
		TAILQ_INSERT_TAIL(&all->touched, e, touch);
	else if (!is && e->touched)
		TAILQ_REMOVE(&all->touched, e, touch);
	e->touched = is;
}

/*
 * The entry with this UUID, else a new one with empty strings, in one walk down
 * the tree.  NULL: no memory, which is noted.
 */
static struct sync_entry *
find_or_add(struct sync_entries *all, const unsigned char uuid[SYNCED_UUID])
{
	struct sync_entry *e = all->spare, *const *found = NULL;

	if (e == NULL && (e = calloc(1, sizeof *e)) != NULL)
		e->name = e->line = e->good = no_text();
	all->spare = e;
	if (e != NULL) {
		memcpy(e->uuid, uuid, SYNCED_UUID);
		e->by = nothing;
		found = tsearch(e, &all->tree, compare);
	}
	if (found == NULL) {
		all->no_memory = true;
		return NULL;
	}
	if (*found == e) {
		all->spare = NULL;
		all->n++;
	}
	return *found;
}

/* NULL: no memory, which is noted. */
static char *
copy_text(struct sync_entries *all, const char *p, size_t n)
{
	char *copy = n == 0 ? no_text() : strndup(p, n);

	all->no_memory |= copy == NULL;
	return copy;
}

/* In place of what the entry holds, each of them. */
static void
set_name(struct sync_entries *all, struct sync_entry *e, const char *p,
    size_t n)
{
	char *copy;

	if (slice_equal(slice_of(e->name), slice_make(p, n)) ||
	    (copy = copy_text(all, p, n)) == NULL)
		return;
	free_text(e->name);
	e->name = copy;
}

static void
set_line(struct sync_entries *all, struct sync_entry *e, const char *p,
    size_t n)
{
	char *copy;

	if (slice_equal(slice_of(e->line), slice_make(p, n)) ||
	    (copy = copy_text(all, p, n)) == NULL)
		return;
	if (e->good != e->line)
		free_text(e->line);
	e->line = copy;
}

static void
set_good(struct sync_entries *all, struct sync_entry *e, struct slice good)
{
	char *copy = e->line;

	if (slice_equal(slice_of(e->good), good))
		return;
	if (!slice_equal(slice_of(e->line), good) &&
	    (copy = copy_text(all, good.p, good.n)) == NULL)
		return;
	if (e->good != e->line)
		free_text(e->good);
	e->good = copy;
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* Few people change many entries: each name is kept once. */
static const char *
person(struct sync_entries *all, const char *name)
{
	char *const *found, *copy;

	if (all->last_person != NULL && strcmp(all->last_person, name) == 0)
		return all->last_person;
	found = tfind(name, &all->people, compare_names);
	if (found != NULL)
		return all->last_person = *found;
	if ((copy = copy_text(all, name, strlen(name))) == NULL ||
	    copy == nothing)
		return nothing;
	if (tsearch(copy, &all->people, compare_names) != NULL)
		return all->last_person = copy;
	free(copy);
	all->no_memory = true;
	return nothing;
}

static void
forget_people(struct sync_entries *all)
{
	while (all->people != NULL) {
		char *name = *(char **)all->people;

		tdelete(name, &all->people, compare_names);
		free(name);
	}
	all->last_person = NULL;
}

void
sync_entries_load(struct sync_entries *all, const struct synced_entry *was)
{
	struct sync_entry *e = find_or_add(all, was->uuid);

	if (e == NULL)
		return;
	set_name(all, e, was->name.p, was->name.n);
	set_line(all, e, was->line.p, was->line.n);
	set_good(all, e, was->good);
	e->why = was->line.n == 0 ? "it was no rule" : NULL;
	e->stored = true;
	touch(all, e);
}

void
sync_entries_put(struct sync_entries *all,
    const unsigned char uuid[SYNCED_UUID], const char *name, const char *line,
    const char *why, const char *by)
{
	struct sync_entry *e = find_or_add(all, uuid);

	if (e == NULL)
		return;
	e->mentioned = all->refresh;
	e->why = why;
	if (line == NULL)
		line = "";
	e->stored = e->stored && strcmp(e->name, name) == 0 &&
	    strcmp(e->line, line) == 0;
	/*
	 * Not changed: a refresh mentions many entries with what is known of
	 * them.  A new name is a change, as it orders the lines of a key.
	 */
	if (strcmp(e->line, line) != 0 || strcmp(e->good, line) != 0 ||
	    strcmp(e->name, name) != 0) {
		e->changed = all->changed = all->seen = true;
		e->by = person(all, by);
	}
	set_name(all, e, name, strlen(name));
	set_line(all, e, line, strlen(line));
	touch(all, e);
}

/*
 * Keeps the dropped entry's rule in force: the store still has it, and an entry
 * that comes with its key may be no rule.
 */
static void
keep_good(struct sync_entries *all, struct sync_entry *e)
{
	struct sync_dropped *d = malloc(sizeof *d);

	if (d == NULL) {
		all->no_memory = true;
		return;
	}
	*d = (struct sync_dropped){ .next = all->dropped, .good = e->good };
	memcpy(d->uuid, e->uuid, SYNCED_UUID);
	if (e->good == e->line)
		e->line = no_text();
	e->good = no_text();
	all->dropped = d;
}

static void
forget_dropped(struct sync_entries *all)
{
	struct sync_dropped *d;

	while ((d = all->dropped) != NULL) {
		all->dropped = d->next;
		free_text(d->good);
		free(d);
	}
}

static void
drop(struct sync_entries *all, struct sync_entry *e)
{
	text_printf(&all->gone, "%s%s", all->gone.n > 0 ? "; " : "", e->name);
	keep_good(all, e);
	if (e->touched)
		TAILQ_REMOVE(&all->touched, e, touch);
	tdelete(e, &all->tree, compare);
	free_entry(e);
	all->n--;
	all->changed = all->seen = true;
}

void
sync_entries_drop(struct sync_entries *all,
    const unsigned char uuid[SYNCED_UUID])
{
	struct sync_entry *e = sync_entries_find(all, uuid);

	if (e != NULL)
		drop(all, e);
}

void
sync_entries_begin(struct sync_entries *all)
{
	all->refresh++;
	if (all->n > all->known)
		all->known = all->n;
}

void
sync_entries_mention(struct sync_entries *all,
    const unsigned char uuid[SYNCED_UUID])
{
	struct sync_entry *e = sync_entries_find(all, uuid);

	if (e != NULL)
		e->mentioned = all->refresh;
}

struct listing {
	struct sync_entry **at;
};

static void
list(const void *node, VISIT visit, void *arg)
{
	struct listing *l = arg;

	if (visit == postorder || visit == leaf)
		*l->at++ = *(struct sync_entry *const *)node;
}

struct sync_entry **
sync_entries_list(struct sync_entries *all)
{
	struct sync_entry **array = calloc(all->n + 1, sizeof *array);
	struct listing l = { array };

	if (array == NULL)
		all->no_memory = true;
	else
		twalk_r(all->tree, list, &l);
	return array;
}

void
sync_entries_sweep(struct sync_entries *all)
{
	struct sync_entry **array = sync_entries_list(all);
	size_t n = all->n;

	for (size_t i = 0; array != NULL && i < n; i++)
		if (array[i]->mentioned != all->refresh)
			drop(all, array[i]);
	free(array);
	all->shrunk = all->known >= MANY && all->n <= all->known / 2;
}

static int
by_uuid(const void *a, const void *b)
{
	const struct sync_entry *const *x = a, *const *y = b;

	return compare(*x, *y);
}

/*
 * Filters the sorted list of all entries: sorting the touched ones alone would
 * be far slower where most are.
 */
static size_t
keep_touched(struct sync_entry **array, size_t all)
{
	size_t n = 0;

	for (size_t i = 0; i < all; i++)
		if (array[i]->touched)
			array[n++] = array[i];
	return n;
}

struct sync_entry **
sync_entries_touched(struct sync_entries *all, size_t *n)
{
	struct sync_entry **array, *e;
	size_t i = 0;

	*n = 0;
	TAILQ_FOREACH(e, &all->touched, touch)
		++*n;
	if (*n > all->n / 8) {
		array = sync_entries_list(all);
		*n = array != NULL ? keep_touched(array, all->n) : 0;
		return array;
	}
	array = calloc(*n + 1, sizeof *array);
	if (array == NULL) {
		all->no_memory = true;
		return NULL;
	}
	TAILQ_FOREACH(e, &all->touched, touch)
		array[i++] = e;
	qsort(array, *n, sizeof *array, by_uuid);
	return array;
}

void
sync_entries_accept(struct sync_entries *all, struct sync_entry *e,
    struct slice good)
{
	if (!slice_equal(slice_of(e->good), good)) {
		set_good(all, e, good);
		e->stored = false;
	}
	e->changed = false;
	e->by = nothing;
	e->held = e->why != NULL || strcmp(e->line, e->good) != 0;
	touch(all, e);
}

void
sync_entries_committed(struct sync_entries *all, bool wrote)
{
	struct sync_entry *e, *next;

	all->changed = all->shrunk = false;
	all->known = 0;
	forget_people(all);
	text_clear(&all->gone);
	for (struct sync_dropped *d = all->dropped; d != NULL; d = d->next)
		d->committed = true;
	if (!wrote)
		return;
	forget_dropped(all);
	for (e = TAILQ_FIRST(&all->touched); e != NULL; e = next) {
		next = TAILQ_NEXT(e, touch);
		e->stored = true;
		touch(all, e);
	}
}

bool
sync_entries_are_stored(const struct sync_entries *all)
{
	const struct sync_entry *e;

	if (all->dropped != NULL || all->no_memory)
		return false;
	TAILQ_FOREACH(e, &all->touched, touch)
		if (!e->stored)
			return false;
	return true;
}

void
sync_entries_free(struct sync_entries *all)
{
	struct sync_entry **array = sync_entries_list(all);

	for (size_t i = 0; array != NULL && i < all->n; i++)
		free_entry(array[i]);
	free(array);
	if (all->spare != NULL)
		free_entry(all->spare);
	tree_drop(&all->tree);
	forget_people(all);
	forget_dropped(all);
	sync_entries_init(all);
}
