/* What both a whole policy and a single rule are made of. */
#include <string.h>

#include "policy/facts/suite.h"
#include "policy/rules/item.h"
#include "policy/store/rebuild.h"
#include "policy/store/rebuild-internal.h"

bool
writing_put_source(struct writing *w, unsigned number, struct slice name,
    unsigned flags)
{
	unsigned char key[] = { FORMAT_SYSTEM, FORMAT_SOURCE,
		(unsigned char)(number >> 8), (unsigned char)number };

	return writing_put(w, key, sizeof key, name.p, name.n, flags);
}

/*
 * Puts the suites of a list, once in a build, as OpenSSL takes 0.3 ms.
 * `again`: those in the store may be an older OpenSSL's.
 */
static bool
put_list(struct writing *w, struct slice list, bool again)
{
	unsigned char name[KEY_MAX];
	uint16_t ids[SUITE_LIST_MAX];
	MDB_val key, value;
	size_t n;
	int error;

	if (list.n > KEY_TEXT_MAX)
		return fault_set(w->fault, FAULT_DATA, "a cipher list of %zu "
		    "bytes; expected at most %d", list.n, KEY_TEXT_MAX);
	key.mv_data = name;
	key.mv_size = format_list_key(list, name);
	error = again ? MDB_NOTFOUND :
	    mdb_get(w->txn, w->dbi, &key, &value);
	if (error != MDB_NOTFOUND)
		return error == 0 || writing_failed(w, error);
	if (!suite_list(list, ids, &n, w->fault))
		return writing_give_up(w);
	return writing_put(w, name, key.mv_size, ids, n * sizeof ids[0], 0);
}

bool
writing_put_lists(struct writing *w, const struct rule *rule, bool again)
{
	struct requirement r;

	if ((rule->flags & RULE_CIPHER_LIST) == 0)
		return true;
	if (!requirement_parse(rule_requirement(rule),
	    key_bytes_tag(rule_key_bytes(rule)), &r, w->fault))
		return false;
	for (unsigned i = 0; i < r.nitems; i++)
		if (r.items[i].row->id == ITEM_CIPHER &&
		    !put_list(w, r.items[i].value, again))
			return false;
	return true;
}

bool
writing_append_rule(struct writing *w, const struct rule *rule, unsigned source)
{
	struct format_record record = {
		.line = rule->line,
		.source = (uint16_t)source,
		.flags = rule->flags & (uint16_t)~RULE_REPEATED,
		.key_length = (uint16_t)rule_key(rule).n,
		.requirement_length = (uint16_t)rule_requirement(rule).n
	};

	return writing_append(w, &w->value, &record, sizeof record) &&
	    writing_append(w, &w->value, rule_key(rule).p, rule_key(rule).n) &&
	    writing_append(w, &w->value, rule_requirement(rule).p,
	    rule_requirement(rule).n);
}

static uint32_t *
counter(struct writing *w, struct slice key_bytes)
{
	return &w->info.info.count[key_bytes_tag(key_bytes)]
	    [(unsigned char)key_bytes.p[1]];
}

/* How many rules a stored value holds. */
static uint32_t
count_records(struct slice value)
{
	struct stored_rule rule;
	uint32_t n = 0;

	while (format_next(&value, &rule))
		n++;
	return n;
}

/* w->value: the records of the key at rules[*i]; *i moves past them. */
bool
writing_make_value(struct writing *w, const struct rulefile *file, size_t *i,
    unsigned first_source)
{
	const struct slice key = rule_key_bytes(&file->rules[*i]);

	w->value.n = 0;
	do {
		if (!writing_append_rule(w, &file->rules[*i],
		    first_source + file->rules[*i].source))
			return false;
	} while (++*i < file->n &&
	    slice_equal(rule_key_bytes(&file->rules[*i]), key));
	return true;
}

/*
 * Counts a key's new value in place of `old`, n 0 for none: the sum and the
 * counters.
 */
void
writing_account(struct writing *w, struct slice key_bytes, struct slice old,
    struct slice new)
{
	MDB_val key = { key_bytes.n, (void *)(uintptr_t)key_bytes.p };
	MDB_val was = { old.n, (void *)(uintptr_t)old.p };
	MDB_val is = { new.n, (void *)(uintptr_t)new.p };
	uint32_t gone = count_records(old), come = count_records(new);

	w->info.info.rules += (uint64_t)come - gone;
	*counter(w, key_bytes) += come - gone;
	if (old.n > 0)
		w->info.sum -= format_sum(&key, &was);
	if (new.n > 0)
		w->info.sum += format_sum(&key, &is);
}

struct slice
writing_value(const struct writing *w)
{
	return slice_make(w->value.p, w->value.n);
}

/* The sum of all entries tells whether there is anything to commit. */
bool
writing_finish(struct writing *w, struct store_info *info, bool *changed)
{
	bool differs;

	if (!writing_settings(w) || !writing_plan(w))
		return false;
	differs = w->was.generation == 0 || w->info.sum != w->was_sum ||
	    (w->flags & REBUILD_SCRATCH) != 0;
	if (changed != NULL)
		*changed = differs;
	if (differs)
		return writing_history_end(w) && writing_commit(w, info);
	if (info != NULL)
		*info = w->was;
	return writing_holds(w) || writing_give_up(w);
}
