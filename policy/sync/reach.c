/*
 * Rounds: each looks at the rules of those that the round before has found.
 * They come to an end, since a profile names no other.
 */
#include <stdlib.h>
#include <string.h>

#include "policy/sync/reach.h"

struct looking {
	struct sync_entries *all;
	const struct sync_index *index;
	struct sync_reach *to;
	bool changed;  /* the rule looked at is of an entry that changed */
	bool profiles; /* all profiles were taken, to tell what a wrong name
		        * meant */
};

/* Room for one more; NULL: no memory, and what is there stays. */
static void *
more(struct sync_reach *to, void *array, size_t n, size_t *allocated,
    size_t size)
{
	size_t room = n == 0 ? 64 : 2 * n;
	void *bigger;

	if (n < *allocated)
		return array;
	bigger = reallocarray(array, room, size);
	if (bigger == NULL)
		to->no_memory = true;
	else
		*allocated = room;
	return bigger;
}

static void
take(struct looking *l, struct sync_entry *e)
{
	struct sync_reach *to = l->to;
	struct sync_entry **at;

	if (e == NULL || e->reached == l->all->reach)
		return;
	at = more(to, to->entries, to->n, &to->allocated, sizeof *at);
	if (at == NULL)
		return;
	to->entries = at;
	at[to->n++] = e;
	e->reached = l->all->reach;
}

static void
take_all(struct looking *l, enum sync_place kind, struct slice what)
{
	uint64_t place = sync_place_of(kind, what);
	const struct sync_link *link = NULL;

	while ((link = sync_index_find(l->index, place, link)) != NULL)
		take(l, sync_entries_find(l->all, link->uuid));
}

/* Takes one entry with a rule at this place, which does not change. */
static void
take_one(struct looking *l, enum sync_place kind, struct slice what)
{
	uint64_t place = sync_place_of(kind, what);
	const struct sync_link *link = NULL;
	struct sync_entry *e;

	while ((link = sync_index_find(l->index, place, link)) != NULL) {
		e = sync_entries_find(l->all, link->uuid);
		if (e != NULL && !e->touched) {
			take(l, e);
			return;
		}
	}
}

static void
add_key(struct sync_reach *to, struct slice key)
{
	struct slice *keys = more(to, to->keys, to->nkeys,
	    &to->keys_allocated, sizeof *keys);

	if (keys == NULL)
		return;
	to->keys = keys;
	keys[to->nkeys++] = key;
}

static void
look(void *arg, enum sync_place kind, struct slice what)
{
	struct looking *l = arg;

	if (kind == PLACE_KEY && l->changed) {
		add_key(l->to, what);
		take_all(l, PLACE_KEY, what);
		if (key_bytes_tag(what) == TAG_PROFILE)
			take_all(l, PLACE_PROFILE, what);
	} else if (kind == PLACE_PROFILE && !l->profiles) {
		l->profiles = true;
		take_all(l, PLACE_PROFILES, slice_make("", 0));
	} else if (kind == PLACE_ISSUER)
		take_one(l, PLACE_CITAG, what);
	else if (kind == PLACE_CITAG && l->changed) {
		take_all(l, PLACE_ISSUER, what);
		take_one(l, PLACE_CITAG, what);
	}
}

static void
look_at_rules(struct looking *l, const struct rulefile *rules, bool changed)
{
	l->changed = changed;
	for (size_t i = 0; i < rules->n; i++)
		sync_places_of(&rules->rules[i], look, l);
}

bool
sync_reach_read(struct rulefile *rules, const char *const *lines, size_t n,
    struct fault *f)
{
	size_t size = 1;
	char *text, *at;
	bool good;

	for (size_t i = 0; i < n; i++)
		size += strlen(lines[i]) + 1;
	text = at = malloc(size);
	if (text == NULL)
		return fault_no_memory(f);
	for (size_t i = 0; i < n; i++) {
		at = stpcpy(at, lines[i]);
		*at++ = '\n';
	}
	good = rulefile_read_text(rules, slice_make(text, size - 1),
	    SYNC_SOURCE, f);
	free(text);
	return good && (!rules->no_memory || fault_no_memory(f));
}

struct standing {
	struct sync_reach *to;
	const unsigned char *uuid;
};

static void
stood(void *arg, enum sync_place kind, struct slice what)
{
	struct standing *s = arg;
	struct sync_reach *to = s->to;
	struct sync_link *at = more(to, to->before, to->nbefore,
	    &to->before_allocated, sizeof *at);

	if (at == NULL)
		return;
	to->before = at;
	at += to->nbefore++;
	at->place = sync_place_of(kind, what);
	memcpy(at->uuid, s->uuid, SYNCED_UUID);
}

/* Reads the rules in force of the touched entries and of the dropped ones. */
static bool
read_before(struct looking *l, struct fault *f)
{
	const struct sync_dropped *d;
	struct sync_reach *to = l->to;
	const unsigned char **owners;
	const char **lines;
	size_t n = to->touched;
	bool good;

	for (d = l->all->dropped; d != NULL; d = d->next)
		n += !d->committed;
	lines = calloc(n + 1, sizeof *lines);
	owners = calloc(n + 1, sizeof *owners);
	n = 0;
	if (lines != NULL && owners != NULL) {
		for (; n < to->touched; n++) {
			lines[n] = to->entries[n]->good;
			owners[n] = to->entries[n]->uuid;
		}
		for (d = l->all->dropped; d != NULL; d = d->next)
			if (!d->committed) {
				lines[n] = d->good;
				owners[n++] = d->uuid;
			}
		good = sync_reach_read(&to->was, lines, n, f);
	} else
		good = fault_no_memory(f);
	for (size_t i = 0; good && i < to->was.n; i++) {
		struct standing s = { to, owners[to->was.rules[i].line - 1] };

		sync_places_of(&to->was.rules[i], stood, &s);
	}
	free(lines);
	free(owners);
	return good;
}

/* Reads the rules that the entries from number `from` on are to have. */
static bool
read_lines(struct sync_reach *to, size_t from, struct rulefile *rules,
    struct fault *f)
{
	const char **lines = calloc(to->n - from + 1, sizeof *lines);
	bool good;

	if (lines == NULL)
		return fault_no_memory(f);
	for (size_t i = from; i < to->n; i++)
		lines[i - from] = to->entries[i]->line;
	good = sync_reach_read(rules, lines, to->n - from, f);
	free(lines);
	return good;
}

static int
compare(const void *a, const void *b)
{
	return slice_compare(*(const struct slice *)a,
	    *(const struct slice *)b);
}

static void
sort_keys(struct sync_reach *to)
{
	size_t n = 0;

	if (to->nkeys > 0)
		qsort(to->keys, to->nkeys, sizeof *to->keys, compare);
	for (size_t i = 0; i < to->nkeys; i++)
		if (n == 0 || !slice_equal(to->keys[n - 1], to->keys[i]))
			to->keys[n++] = to->keys[i];
	to->nkeys = n;
}

/* Looks at the entries that the last round found, and at what they need. */
static bool
look_further(struct looking *l, bool as_sendmail, struct fault *f)
{
	for (size_t from = l->to->touched; from < l->to->n;) {
		struct rulefile rules;
		size_t next = l->to->n;
		bool good;

		rulefile_init(&rules, NULL, NULL);
		rules.as_sendmail = as_sendmail;
		good = read_lines(l->to, from, &rules, f);
		if (good)
			look_at_rules(l, &rules, false);
		rulefile_free(&rules);
		if (!good)
			return false;
		from = next;
	}
	return true;
}

bool
sync_reach_find(struct sync_entries *all, const struct sync_index *index,
    bool as_sendmail, struct sync_reach *to, struct fault *f)
{
	struct looking l = { .all = all, .index = index, .to = to };

	memset(to, 0, sizeof *to);
	rulefile_init(&to->was, NULL, NULL);
	rulefile_init(&to->is, NULL, NULL);
	to->was.as_sendmail = to->is.as_sendmail = as_sendmail;
	to->entries = sync_entries_touched(all, &to->touched);
	if (to->entries == NULL)
		return fault_no_memory(f);
	to->n = to->allocated = to->touched;
	all->reach++;
	for (size_t i = 0; i < to->n; i++)
		to->entries[i]->reached = all->reach;
	if (!read_before(&l, f) || !read_lines(to, 0, &to->is, f))
		return false;
	look_at_rules(&l, &to->was, true);
	look_at_rules(&l, &to->is, true);
	sort_keys(to);
	return look_further(&l, as_sendmail, f) &&
	    (!to->no_memory || fault_no_memory(f));
}

void
sync_reach_free(struct sync_reach *to)
{
	free(to->entries);
	free(to->keys);
	free(to->before);
	rulefile_free(&to->was);
	rulefile_free(&to->is);
	memset(to, 0, sizeof *to);
}
