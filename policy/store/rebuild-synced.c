/* What a directory told, written where it differs from what is there. */
#include <stdlib.h>
#include <string.h>

#include "policy/store/rebuild.h"
#include "policy/store/rebuild-internal.h"

enum { KEY_BYTES = 2 + SYNCED_UUID };

static int
compare(const void *uuid, const void *entry)
{
	return memcmp(uuid, ((const struct synced_entry *)entry)->uuid,
	    SYNCED_UUID);
}

/* Entries that the directory does not have any more. */
static bool
drop_gone(struct writing *w, const struct synced *directory)
{
	unsigned char first[] = { FORMAT_SYSTEM, FORMAT_SYNCED, 0 };
	MDB_val key = { sizeof first, first }, value;
	MDB_cursor *cursor;
	int error = mdb_cursor_open(w->txn, w->dbi, &cursor);

	if (error != 0)
		return writing_failed(w, error);
	error = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
	while (error == 0 && format_is(slice_make(key.mv_data, key.mv_size),
	    FORMAT_SYNCED)) {
		if (key.mv_size != KEY_BYTES ||
		    bsearch((char *)key.mv_data + 2, directory->entries,
		    directory->n, sizeof directory->entries[0], compare) ==
		    NULL)
			error = mdb_cursor_del(cursor, 0);
		if (error == 0)
			error = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
	}
	mdb_cursor_close(cursor);
	return error == 0 || error == MDB_NOTFOUND || writing_failed(w, error);
}

static bool
fits(struct writing *w, const struct synced_entry *e)
{
	if (e->name.n <= SYNCED_TEXT_MAX && e->line.n <= SYNCED_TEXT_MAX &&
	    e->good.n <= SYNCED_TEXT_MAX)
		return true;
	fault_set(w->fault, FAULT_DATA, "an entry of the directory is longer "
	    "than %d bytes", SYNCED_TEXT_MAX);
	return writing_give_up(w);
}

static bool
put_entry(struct writing *w, const struct synced_entry *e, uint64_t *sum)
{
	struct synced_lengths lengths = { .name = (uint16_t)e->name.n,
		.line = (uint16_t)e->line.n, .good = (uint16_t)e->good.n };
	unsigned char name[KEY_BYTES] = { FORMAT_SYSTEM, FORMAT_SYNCED };
	MDB_val key = { sizeof name, name }, old, new;
	int error;

	memcpy(name + 2, e->uuid, SYNCED_UUID);
	w->value.n = 0;
	if (!fits(w, e) ||
	    !writing_append(w, &w->value, &lengths, sizeof lengths) ||
	    !writing_append(w, &w->value, e->name.p, e->name.n) ||
	    !writing_append(w, &w->value, e->line.p, e->line.n) ||
	    !writing_append(w, &w->value, e->good.p, e->good.n))
		return false;
	new = (MDB_val){ w->value.n, w->value.p };
	*sum += format_sum(&key, &new);
	error = mdb_get(w->txn, w->dbi, &key, &old);
	if (error == 0 && slice_equal(slice_make(old.mv_data, old.mv_size),
	    writing_value(w)))
		return true;
	if (error == 0 || error == MDB_NOTFOUND)
		error = mdb_put(w->txn, w->dbi, &key, &new, 0);
	return error == 0 || writing_failed(w, error);
}

bool
writing_put_synced(struct writing *w, const struct synced *directory)
{
	static const char name[] = { FORMAT_SYSTEM, FORMAT_SYNCED };
	MDB_val key = { sizeof name, (void *)(uintptr_t)name };
	MDB_val value = { directory->cookie.n,
		(void *)(uintptr_t)directory->cookie.p };
	struct synced_head head = { .entries = directory->n,
		.sum = format_sum(&key, &value) };
	int error;

	if (!drop_gone(w, directory))
		return false;
	for (size_t i = 0; i < directory->n; i++)
		if (!put_entry(w, &directory->entries[i], &head.sum))
			return false;
	w->value.n = 0;
	if (!writing_append(w, &w->value, &head, sizeof head) ||
	    !writing_append(w, &w->value, directory->cookie.p,
	    directory->cookie.n))
		return false;
	value = (MDB_val){ w->value.n, w->value.p };
	error = mdb_put(w->txn, w->dbi, &key, &value, 0);
	return error == 0 || writing_failed(w, error);
}
