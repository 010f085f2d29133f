/*
 * One line among those of its key: where its conditions stand already it takes
 * that line's place.  Else a line with conditions comes first, so that it counts
 * for whom it names, and one without comes last, as no other line can stand
 * behind it.
 */
#include <string.h>

#include "policy/rules/client.h"
#include "policy/store/rebuild-internal.h"

/* The first record of `rest`, which then begins behind it. */
static bool
next_record(struct slice *rest, struct slice *whole,
    struct slice *requirement)
{
	struct format_record record;
	size_t length;

	if (rest->n < sizeof record)
		return false;
	memcpy(&record, rest->p, sizeof record);
	length = sizeof record + record.key_length +
	    (size_t)record.requirement_length;
	if (length > rest->n)
		return false;
	*whole = slice_make(rest->p, length);
	*requirement = slice_make(rest->p + sizeof record + record.key_length,
	    record.requirement_length);
	*rest = slice_from(*rest, length);
	return true;
}

/*
 * The number of the record whose place it takes, else of the one before which
 * it comes; *n: how many there are.
 */
static bool
find_place(struct writing *w, const struct rule *rule, struct slice records,
    uint32_t *place, bool *replaces, uint32_t *n)
{
	enum tag tag = key_bytes_tag(rule->key_bytes);
	struct requirement mine, other;
	struct slice whole, text;

	if (!requirement_parse(rule->requirement, tag, &mine, w->fault))
		return writing_give_up(w);
	*replaces = false;
	for (*n = 0; next_record(&records, &whole, &text); (*n)++) {
		if (!requirement_parse(text, tag, &other, w->fault))
			return writing_give_up(w);
		if (*replaces || !client_same_conditions(&mine, &other))
			continue;
		*replaces = true;
		*place = *n;
	}
	if (!*replaces)
		*place = requirement_is_conditional(&mine) ? 0 : *n;
	return true;
}

static bool
append(struct writing *w, struct slice bytes, size_t *used)
{
	if (!writing_reserve(w, *used + bytes.n))
		return false;
	memcpy(w->value + *used, bytes.p, bytes.n);
	*used += bytes.n;
	return true;
}

/* The records with the rule at its place, in the writer's memory. */
static bool
compose(struct writing *w, const struct rule *rule, unsigned source,
    struct slice records, uint32_t place, bool replaces, size_t *used)
{
	struct slice whole, text;
	uint32_t i;

	*used = 0;
	for (i = 0; next_record(&records, &whole, &text); i++) {
		if (i == place && !writing_append(w, rule, source, used))
			return false;
		if (!(replaces && i == place) && !append(w, whole, used))
			return false;
	}
	return i > place || writing_append(w, rule, source, used);
}

bool
writing_put_line(struct writing *w, const struct rule *rule, unsigned source)
{
	MDB_val key = { rule->key_bytes.n,
	    (void *)(uintptr_t)rule->key_bytes.p }, value = { 0, NULL };
	int error = mdb_get(w->txn, w->dbi, &key, &value);
	uint32_t place, n;
	struct slice records;
	bool replaces;
	size_t used;

	if (error != 0 && error != MDB_NOTFOUND)
		return writing_failed(w, error);
	records = slice_make(value.mv_data, value.mv_size);
	if (!find_place(w, rule, records, &place, &replaces, &n) ||
	    !compose(w, rule, source, records, place, replaces, &used))
		return false;
	if (!replaces) {
		w->info.info.rules++;
		(*writing_counter(w, rule->key_bytes))++;
	}
	return writing_put(w, key.mv_data, key.mv_size, w->value, used, 0);
}
