#include "config.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "policy/base/tree.h"
#include "policy/sync/entries.h"

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
	LIST_INIT(&all->touched);
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
	free_text(e->name);
	free_text(e->line);
	free_text(e->good);
	free_text(e->by);
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

/* Into the list, or out of it. */
static void
touch(struct sync_entries *all, struct sync_entry *e)
{
	bool is = e->changed || e->held || !e->stored;

	if (is && !e->touched)
		LIST_INSERT_HEAD(&all->touched, e, touch);
	else if (!is && e->touched)
		LIST_REMOVE(e, touch);
	e->touched = is;
}

/* With empty strings; NULL: no memory, and that is noted. */
static struct sync_entry *
add(struct sync_entries *all, const unsigned char uuid[SYNCED_UUID])
{
	struct sync_entry *e = calloc(1, sizeof *e);

	if (e != NULL) {
		memcpy(e->uuid, uuid, SYNCED_UUID);
		e->name = e->line = e->good = e->by = no_text();
		if (tsearch(e, &all->tree, compare) != NULL) {
			all->n++;
			return e;
		}
		free_entry(e);
	}
	all->no_memory = true;
	return NULL;
}

/* In place of what `to` holds. */
static void
set(struct sync_entries *all, char **to, const char *p, size_t n)
{
	char *copy;

	if (slice_equal(slice_of(*to), slice_make(p, n)))
		return;
	copy = n == 0 ? no_text() : strndup(p, n);
	if (copy == NULL) {
		all->no_memory = true;
		return;
	}
	free_text(*to);
	*to = copy;
}

void
sync_entries_load(struct sync_entries *all, const struct synced_entry *was)
{
	struct sync_entry *e = sync_entries_find(all, was->uuid);

	if (e == NULL && (e = add(all, was->uuid)) == NULL)
		return;
	set(all, &e->name, was->name.p, was->name.n);
	set(all, &e->line, was->line.p, was->line.n);
	set(all, &e->good, was->good.p, was->good.n);
	e->why = was->line.n == 0 ? "it was no rule" : NULL;
	e->stored = true;
	touch(all, e);
}

void
sync_entries_put(struct sync_entries *all,
    const unsigned char uuid[SYNCED_UUID], const char *name, const char *line,
    const char *why, const char *by)
{
	struct sync_entry *e = sync_entries_find(all, uuid);

	if (e == NULL && (e = add(all, uuid)) == NULL)
		return;
	e->mentioned = all->refresh;
	e->why = why;
	if (line == NULL)
		line = "";
	e->stored = e->stored && strcmp(e->name, name) == 0 &&
	    strcmp(e->line, line) == 0;
	/*
	 * A refresh tells of many that are as they were.  A name is the order
	 * of the lines of a key.
	 */
	if (strcmp(e->line, line) != 0 || strcmp(e->good, line) != 0 ||
	    strcmp(e->name, name) != 0) {
		e->changed = all->changed = all->seen = true;
		set(all, &e->by, by, strlen(by));
	}
	set(all, &e->name, name, strlen(name));
	set(all, &e->line, line, strlen(line));
	touch(all, e);
}

/*
 * A rule of its key that comes in its place may be none; and the store still has
 * it.
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
		LIST_REMOVE(e, touch);
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
}

static int
by_uuid(const void *a, const void *b)
{
	const struct sync_entry *const *x = a, *const *y = b;

	return compare(*x, *y);
}

/* Those of all entries: to sort most of them again would be far slower. */
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
	LIST_FOREACH(e, &all->touched, touch)
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
	LIST_FOREACH(e, &all->touched, touch)
		array[i++] = e;
	qsort(array, *n, sizeof *array, by_uuid);
	return array;
}

void
sync_entries_accept(struct sync_entries *all, struct sync_entry *e,
    struct slice good)
{
	if (!slice_equal(slice_of(e->good), good)) {
		set(all, &e->good, good.p, good.n);
		e->stored = false;
	}
	e->changed = false;
	e->held = e->why != NULL || strcmp(e->line, e->good) != 0;
	touch(all, e);
}

void
sync_entries_committed(struct sync_entries *all, bool wrote)
{
	struct sync_entry *e, *next;

	all->changed = false;
	text_clear(&all->gone);
	for (struct sync_dropped *d = all->dropped; d != NULL; d = d->next)
		d->committed = true;
	if (!wrote)
		return;
	forget_dropped(all);
	for (e = LIST_FIRST(&all->touched); e != NULL; e = next) {
		next = LIST_NEXT(e, touch);
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
	LIST_FOREACH(e, &all->touched, touch)
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
	tree_drop(&all->tree);
	forget_dropped(all);
	sync_entries_init(all);
}
