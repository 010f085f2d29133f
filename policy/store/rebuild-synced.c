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

/*
 * Removes entries that the directory does not have any more, and sums up the
 * others.
 */
static bool
drop_gone(struct writing *w, const struct synced *directory,
    struct synced_head *head)
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
		else {
			head->entries++;
			head->sum += format_sum(&key, &value);
		}
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

/* Makes w->value the bytes of the entry, as they are stored. */
static bool
make_value(struct writing *w, const struct synced_entry *e)
{
	struct synced_lengths lengths = { .name = (uint16_t)e->name.n,
		.line = (uint16_t)e->line.n, .good = (uint16_t)e->good.n };

	w->value.n = 0;
	return fits(w, e) &&
	    writing_append(w, &w->value, &lengths, sizeof lengths) &&
	    writing_append(w, &w->value, e->name.p, e->name.n) &&
	    writing_append(w, &w->value, e->line.p, e->line.n) &&
	    writing_append(w, &w->value, e->good.p, e->good.n);
}

/*
 * Appends an entry to an empty store, where rules follow: searching for each
 * takes a while.
 */
static bool
append_entry(struct writing *w, const struct synced_entry *e,
    struct synced_head *head)
{
	unsigned char name[KEY_BYTES] = { FORMAT_SYSTEM, FORMAT_SYNCED };
	MDB_val key = { sizeof name, name }, value;
	int error;

	memcpy(name + 2, e->uuid, SYNCED_UUID);
	if (!make_value(w, e))
		return false;
	value = (MDB_val){ w->value.n, w->value.p };
	head->entries++;
	head->sum += format_sum(&key, &value);
	error = mdb_put(w->txn, w->dbi, &key, &value, MDB_APPEND);
	return error == 0 || writing_failed(w, error);
}

/* Puts the entry in place of what the store has of it; NULL: removes it. */
static bool
put_entry(struct writing *w, const unsigned char uuid[SYNCED_UUID],
    const struct synced_entry *e, struct synced_head *head)
{
	unsigned char name[KEY_BYTES] = { FORMAT_SYSTEM, FORMAT_SYNCED };
	MDB_val key = { sizeof name, name }, old, new;
	int error;

	memcpy(name + 2, uuid, SYNCED_UUID);
	if (e != NULL && !make_value(w, e))
		return false;
	error = mdb_get(w->txn, w->dbi, &key, &old);
	if (error != 0 && error != MDB_NOTFOUND)
		return writing_failed(w, error);
	if (error == 0) {
		head->entries--;
		head->sum -= format_sum(&key, &old);
	} else if (e == NULL)
		return true;
	new = (MDB_val){ w->value.n, w->value.p };
	if (e != NULL) {
		head->entries++;
		head->sum += format_sum(&key, &new);
	}
	if (error == 0 && e != NULL && slice_equal(writing_value(w),
	    slice_make(old.mv_data, old.mv_size)))
		return true;
	error = e == NULL ? mdb_del(w->txn, w->dbi, &key, NULL) :
	    mdb_put(w->txn, w->dbi, &key, &new, 0);
	return error == 0 || writing_failed(w, error);
}

static MDB_val
head_key(void)
{
	static const char name[] = { FORMAT_SYSTEM, FORMAT_SYNCED };

	return (MDB_val){ sizeof name, (void *)(uintptr_t)name };
}

static uint64_t
sum_cookie(struct slice cookie)
{
	MDB_val key = head_key();
	MDB_val value = { cookie.n, (void *)(uintptr_t)cookie.p };

	return format_sum(&key, &value);
}

/* Writes the record of all entries: their number, sum and the cookie. */
static bool
put_head(struct writing *w, struct synced_head *head, struct slice cookie)
{
	MDB_val key = head_key(), value;
	int error;

	head->sum += sum_cookie(cookie);
	w->value.n = 0;
	if (!writing_append(w, &w->value, head, sizeof *head) ||
	    !writing_append(w, &w->value, cookie.p, cookie.n))
		return false;
	value = (MDB_val){ w->value.n, w->value.p };
	error = mdb_put(w->txn, w->dbi, &key, &value, 0);
	return error == 0 || writing_failed(w, error);
}

bool
writing_put_synced(struct writing *w, const struct synced *directory)
{
	struct synced_head head = { .entries = 0 };
	MDB_stat stat;
	int error = mdb_stat(w->txn, w->dbi, &stat);

	if (error != 0)
		return writing_failed(w, error);
	if (!drop_gone(w, directory, &head))
		return false;
	for (size_t i = 0; i < directory->n; i++) {
		const struct synced_entry *e = &directory->entries[i];

		if (!(stat.ms_entries == 0 ? append_entry(w, e, &head) :
		    put_entry(w, e->uuid, e, &head)))
			return false;
	}
	return put_head(w, &head, directory->cookie);
}

/*
 * Reads the record of all entries, but for the cookie.  A damaged one is left
 * to whoever writes all of them.
 */
static bool
read_head(struct writing *w, struct synced_head *head)
{
	MDB_val key = head_key(), value = { 0, NULL };
	int error = mdb_get(w->txn, w->dbi, &key, &value);

	if (error != 0 && error != MDB_NOTFOUND)
		return writing_failed(w, error);
	if (value.mv_size < sizeof *head)
		return writing_give_up(w);
	memcpy(head, value.mv_data, sizeof *head);
	head->sum -= sum_cookie(slice_from(slice_make(value.mv_data,
	    value.mv_size), sizeof *head));
	return true;
}

bool
writing_change_synced(struct writing *w, const struct synced *directory,
    const struct synced_change *change)
{
	struct synced_head head;

	if (!read_head(w, &head))
		return false;
	for (size_t i = 0; i < change->ngone; i++)
		if (!put_entry(w, change->gone[i], NULL, &head))
			return false;
	for (size_t i = 0; i < directory->n; i++)
		if (!put_entry(w, directory->entries[i].uuid,
		    &directory->entries[i], &head))
			return false;
	return put_head(w, &head, directory->cookie);
}
