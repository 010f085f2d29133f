#include <string.h>

#include "policy/store/store-internal.h"
#include "policy/store/synced.h"

enum { KEY_BYTES = 2 + SYNCED_UUID };

struct reading {
	uint64_t entries, sum;
	bool (*each)(void *, const struct synced_entry *);
	void *arg;
	bool bad;
};

static bool
is_entry(struct slice key)
{
	return key.n == KEY_BYTES && format_is(key, FORMAT_SYNCED);
}

static bool
add_up(void *arg, struct slice key, struct slice value)
{
	struct reading *r = arg;
	MDB_val k = { key.n, (void *)(uintptr_t)key.p };
	MDB_val v = { value.n, (void *)(uintptr_t)value.p };

	if (!is_entry(key))
		return key.n == 0 || key.p[0] == FORMAT_SYSTEM;
	r->entries++;
	r->sum += format_sum(&k, &v);
	return true;
}

static bool
hand_out(void *arg, struct slice key, struct slice value)
{
	struct synced_lengths lengths;
	struct reading *r = arg;
	struct synced_entry entry;

	if (!is_entry(key))
		return key.n == 0 || key.p[0] == FORMAT_SYSTEM;
	if (value.n < sizeof lengths) {
		r->bad = true;
		return false;
	}
	memcpy(&lengths, value.p, sizeof lengths);
	value = slice_from(value, sizeof lengths);
	if (value.n != (size_t)lengths.name + lengths.line + lengths.good) {
		r->bad = true;
		return false;
	}
	memcpy(entry.uuid, key.p + 2, SYNCED_UUID);
	entry.name = slice_make(value.p, lengths.name);
	entry.line = slice_make(value.p + lengths.name, lengths.line);
	entry.good = slice_make(entry.line.p + lengths.line, lengths.good);
	return r->each(r->arg, &entry);
}

enum lookup_result
synced_read(struct store_reader *reader, struct slice *cookie,
    bool (*each)(void *, const struct synced_entry *), void *arg)
{
	static const char name[] = { FORMAT_SYSTEM, FORMAT_SYNCED };
	struct reading r = { .each = each, .arg = arg };
	const struct store_txn *txn = reader->txn;
	enum lookup_result result;
	struct synced_head head;
	struct slice value;
	MDB_val k = { sizeof name, (void *)(uintptr_t)name }, v;

	result = snapshot_get(&txn->snapshot, name, sizeof name, &value);
	if (result != LOOKUP_FOUND)
		return result == LOOKUP_ABSENT ? result :
		    store_damaged(reader, "its pages");
	if (value.n < sizeof head)
		return store_damaged(reader, "what a directory told");
	memcpy(&head, value.p, sizeof head);
	*cookie = slice_from(value, sizeof head);
	v = (MDB_val){ cookie->n, (void *)(uintptr_t)cookie->p };
	r.sum = format_sum(&k, &v);
	if (!snapshot_each(&txn->snapshot, add_up, &r) ||
	    r.sum != head.sum || r.entries != head.entries)
		return store_damaged(reader, "what a directory told");
	if (!snapshot_each(&txn->snapshot, hand_out, &r) || r.bad)
		return store_damaged(reader, "what a directory told");
	return LOOKUP_FOUND;
}
