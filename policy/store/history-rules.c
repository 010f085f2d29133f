/*
 * The rules of an older generation: those of today, but for each key that was
 * changed since what the first change after that generation found there.  All
 * changes are gathered and sorted, so that ten thousand generations of one rule
 * each cost one walk over the rules.
 */
#include <stdlib.h>
#include <string.h>

#include "policy/store/history-internal.h"
#include "policy/store/store-internal.h"

enum { CHUNK = 64 * 1024 };

struct undo {
	struct history_change change;
	uint64_t number; /* of the generation that made it */
	struct slice sources; /* names that the old records count in */
};

struct undoing {
	struct store_reader *reader;
	struct rulefile *rules;
	struct undo *undos; /* sorted: one a key, when gathered */
	size_t n, allocated, next;
	const struct generation *g; /* whose changes are being gathered */
	struct fault *fault;
};

static bool
no_memory(struct undoing *u)
{
	fault_no_memory(u->fault);
	return false;
}

static bool
gather(void *arg, const struct history_change *change)
{
	struct undoing *u = arg;

	if (u->n == u->allocated) {
		size_t more = u->allocated == 0 ? 256 : 2 * u->allocated;
		struct undo *undos = reallocarray(u->undos, more,
		    sizeof *undos);

		if (undos == NULL)
			return no_memory(u);
		u->undos = undos;
		u->allocated = more;
	}
	u->undos[u->n++] = (struct undo){ *change, u->g->number,
		u->g->sources };
	return true;
}

/* By key, the oldest change first. */
static int
compare(const void *pa, const void *pb)
{
	const struct undo *a = pa, *b = pb;
	int order = slice_compare(a->change.key_bytes, b->change.key_bytes);

	return order != 0 ? order : (a->number > b->number) -
	    (a->number < b->number);
}

static void
sort(struct undoing *u)
{
	size_t kept = 0;

	if (u->n > 1)
		qsort(u->undos, u->n, sizeof u->undos[0], compare);
	for (size_t i = 0; i < u->n; i++)
		if (kept == 0 ||
		    !slice_equal(u->undos[kept - 1].change.key_bytes,
		    u->undos[i].change.key_bytes))
			u->undos[kept++] = u->undos[i];
	u->n = kept;
}

/* The number of a source in the rulefile; of too many, the last. */
static bool
number_of(struct undoing *u, struct slice name, uint16_t *number)
{
	struct rulefile *rules = u->rules;
	unsigned i = 0;

	while (i < rules->nsources && !slice_equal(rules->sources[i], name))
		i++;
	if (i == RULEFILE_SOURCES_MAX)
		i--;
	else if (i == rules->nsources) {
		rules->sources[i] = arena_copy(&rules->memory, name);
		if (rules->sources[i].p == NULL)
			return no_memory(u);
		rules->nsources++;
	}
	*number = (uint16_t)i;
	return true;
}

static struct slice
name_in(struct slice names, unsigned number)
{
	struct slice name = { "", 0 };

	for (unsigned i = 0; i <= number; i++)
		if (!slice_next(&names, '\0', &name))
			return slice_make("", 0);
	return name;
}

static bool
add(struct undoing *u, struct slice key_bytes, const struct stored_rule *from,
    struct slice source_name)
{
	struct rulefile *file = u->rules;
	uint16_t source;

	if (!rulefile_reserve(file, 1, u->fault))
		return false;
	if (!number_of(u, source_name, &source))
		return false;
	/* The requirement stands behind the key in a record. */
	file->rules[file->n++] = (struct rule){ .key_bytes_at = key_bytes.p,
		.key_bytes_n = (uint16_t)key_bytes.n, .key_at = from->key.p,
		.key_n = (uint16_t)from->key.n,
		.requirement_n = (uint16_t)from->requirement.n,
		.line = from->line, .source = source, .flags = from->flags };
	return true;
}

/* Adds the rules that a key had before its first change. */
static bool
add_old(struct undoing *u, const struct undo *undo)
{
	struct slice old = undo->change.old;
	struct stored_rule rule;

	while (store_next(u->reader, &old, &rule))
		if (!add(u, undo->change.key_bytes, &rule,
		    name_in(undo->sources, rule.source)))
			return false;
	return u->reader->fault.kind == FAULT_NONE;
}

static bool
add_today(struct undoing *u, struct slice key, struct slice value)
{
	struct slice today = value;
	struct stored_rule rule;

	while (store_next(u->reader, &today, &rule))
		if (!add(u, key, &rule, store_source(u->reader, rule.source)))
			return false;
	return u->reader->fault.kind == FAULT_NONE;
}

/* Adds the rules of undone keys up to `key`; *same: it is one of them. */
static bool
add_undone(struct undoing *u, struct slice key, bool *same)
{
	*same = false;
	while (u->next < u->n && !*same) {
		const struct undo *undo = &u->undos[u->next];
		int order = key.p == NULL ? -1 :
		    slice_compare(undo->change.key_bytes, key);

		if (order > 0)
			break;
		if (!add_old(u, undo))
			return false;
		u->next++;
		*same = order == 0;
	}
	return true;
}

static bool
merge(void *arg, struct slice key, struct slice value)
{
	struct undoing *u = arg;
	bool undone;

	if (key.n == 0 || key.p[0] == FORMAT_SYSTEM)
		return true;
	return add_undone(u, key, &undone) &&
	    (undone || add_today(u, key, value));
}

/* Collects all changes since `number`, whose generation is found on the way. */
static bool
gather_since(struct undoing *u, uint64_t number, struct generation *g)
{
	struct history h;
	enum lookup_result result;

	if (!history_start(&h, u->reader))
		return false;
	while ((result = history_next(&h, g)) == LOOKUP_FOUND &&
	    g->number > number) {
		u->g = g;
		if (!history_changes(u->reader, g, gather, u) ||
		    u->fault->kind != FAULT_NONE)
			return false;
	}
	if (result == LOOKUP_FOUND && g->number == number)
		return true;
	if (u->reader->info.oldest == 0)
		fault_set(u->fault, FAULT_NOINPUT, "%s: no generations are "
		    "kept", store_path(u->reader->store));
	else if (result != LOOKUP_FAILED)
		fault_set(u->fault, FAULT_NOINPUT, "%s: generation %llu is not "
		    "kept; it holds %llu to %llu", store_path(u->reader->store),
		    (unsigned long long)number,
		    (unsigned long long)u->reader->info.oldest,
		    (unsigned long long)u->reader->info.generation);
	return false;
}

bool
history_rules(struct store_reader *reader, uint64_t number,
    struct rulefile *rules, struct generation *g, struct fault *fault)
{
	const struct store_txn *r = reader->txn;
	struct undoing u = { .reader = reader, .rules = rules, .fault = fault };
	bool none, good;

	rulefile_init(rules, NULL, NULL);
	fault_clear(fault);
	good = gather_since(&u, number, g);
	if (good) {
		sort(&u);
		good = snapshot_each(&r->snapshot, merge, &u) &&
		    reader->fault.kind == FAULT_NONE &&
		    fault->kind == FAULT_NONE &&
		    add_undone(&u, slice_make(NULL, 0), &none);
	}
	free(u.undos);
	if (good)
		return true;
	if (fault->kind == FAULT_NONE && reader->fault.kind != FAULT_NONE)
		*fault = reader->fault;
	if (fault->kind == FAULT_NONE)
		fault_set(fault, FAULT_DATA, "%s: damaged (its pages); build "
		    "the store again", store_path(reader->store));
	return false;
}
