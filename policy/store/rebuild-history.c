/*
 * What a commit leaves of itself: who, when, why, and what it changed.
 */
#include <stdlib.h>
#include <string.h>

#include "policy/store/plan.h"
#include "policy/store/rebuild.h"
#include "policy/store/rebuild-internal.h"

/* Is history written?  Not into a scratch store, unless it has some already. */
static bool
is_kept(const struct writing *w)
{
	return (w->flags & REBUILD_SCRATCH) == 0 || w->was.oldest != 0;
}

static bool
damaged(struct writing *w)
{
	fault_set(w->fault, FAULT_DATA, "%s: damaged (a generation is not "
	    "what was written); remove it and build the store again",
	    w->path);
	return writing_give_up(w);
}

static bool
read_head(struct writing *w, uint64_t number, struct format_generation *head,
    uint64_t *sum)
{
	unsigned char key[HISTORY_KEY];
	MDB_val k = { sizeof key, key }, v;
	struct generation g;
	int error;

	history_key(number, 0, key);
	error = mdb_get(w->txn, w->dbi, &k, &v);
	if (error != 0)
		return error == MDB_NOTFOUND ? damaged(w) :
		    writing_failed(w, error);
	*sum = format_sum(&k, &v);
	return history_read_head(slice_make(v.mv_data, v.mv_size), number,
	    head, &g) || damaged(w);
}

/* Keeps the names of the sources that old rules' records count in. */
static bool
keep_sources(struct writing *w)
{
	for (uint32_t s = 0; s < w->was.sources &&
	    w->sources.n < HISTORY_SOURCES_MAX; s++) {
		unsigned char bytes[] = { FORMAT_SYSTEM, FORMAT_SOURCE,
			(unsigned char)(s >> 8), (unsigned char)s };
		MDB_val key = { sizeof bytes, bytes }, value = { 0, NULL };
		int error = mdb_get(w->txn, w->dbi, &key, &value);

		if (error != 0 && error != MDB_NOTFOUND)
			return writing_failed(w, error);
		if (!writing_append(w, &w->sources, value.mv_data,
		    value.mv_size) || !writing_append(w, &w->sources, "", 1))
			return false;
	}
	return true;
}

/*
 * Are the rules in force those that the authorship is about?  Somebody else's
 * are not to be lost.
 */
static bool
is_over(struct writing *w)
{
	const unsigned char *over = w->by->over;

	if (over == NULL || (w->recording &&
	    memcmp(w->newest.rules_digest, over, DIGEST_BYTES) == 0))
		return true;
	fault_set(w->fault, FAULT_DATA, "%s: the rules in force are not those "
	    "that this was planned against: nothing is changed", w->path);
	return writing_give_up(w);
}

bool
writing_history_begin(struct writing *w)
{
	uint64_t sum;

	if (!is_kept(w) || w->was.oldest == 0)
		return is_over(w);
	w->recording = true;
	w->head.number = w->was.generation + 1;
	if (!read_head(w, w->was.generation, &w->newest, &sum))
		return false;
	return (sum == w->was.head || damaged(w)) && is_over(w) &&
	    keep_sources(w);
}

/* Are these the same rules, whatever file and line they stand in? */
static bool
same_texts(struct slice old, struct slice new)
{
	struct stored_rule a, b;

	while (format_next(&old, &a))
		if (!format_next(&new, &b) || !slice_equal(a.key, b.key) ||
		    !slice_equal(a.requirement, b.requirement))
			return false;
	return new.n == 0;
}

bool
writing_note(struct writing *w, struct slice key_bytes, struct slice old,
    struct slice new)
{
	struct format_change change = { .key_bytes = (uint32_t)key_bytes.n,
		.old_bytes = (uint32_t)old.n, .new_bytes = (uint32_t)new.n };

	if (!w->recording || same_texts(old, new))
		return true;
	if (old.n == 0)
		w->head.added++;
	else if (new.n == 0)
		w->head.removed++;
	else
		w->head.changed++;
	return writing_append(w, &w->part, &change, sizeof change) &&
	    writing_append(w, &w->part, key_bytes.p, key_bytes.n) &&
	    writing_append(w, &w->part, old.p, old.n) &&
	    writing_append(w, &w->part, new.p, new.n);
}

/* A generation is no part of the sum of entries: see history-internal.h. */
static bool
put(struct writing *w, uint32_t part, const struct writing_bytes *bytes,
    uint64_t *sum)
{
	unsigned char key[HISTORY_KEY];
	MDB_val k = { sizeof key, key }, v = { bytes->n, bytes->p };
	int error;

	history_key(w->head.number, part, key);
	*sum = format_sum(&k, &v);
	error = mdb_put(w->txn, w->dbi, &k, &v, 0);
	return error == 0 || writing_failed(w, error);
}

static bool
put_part(struct writing *w)
{
	uint64_t sum;

	if (w->part.n == 0)
		return true;
	if (!put(w, ++w->head.parts, &w->part, &sum))
		return false;
	w->head.parts_sum += sum;
	w->part.n = 0;
	return true;
}

bool
writing_flush(struct writing *w, bool *wrote)
{
	*wrote = w->part.n >= HISTORY_PART_BYTES - 4096;
	return !*wrote || put_part(w);
}

static bool
digest_value(struct digest *d, struct slice value)
{
	struct stored_rule rule;

	while (format_next(&value, &rule)) {
		digest_add(d, rule.key);
		digest_add(d, slice_of("\t"));
		digest_add(d, rule.requirement);
		digest_add(d, slice_of("\n"));
	}
	return value.n == 0;
}

/* "KEY<tab>REQUIREMENT<newline>", in the order of the store's keys. */
static bool
digest_rules(struct writing *w, struct digest *d)
{
	unsigned char first[] = { FORMAT_SYSTEM + 1 };
	MDB_val key = { sizeof first, first }, value;
	MDB_cursor *cursor;
	int error = mdb_cursor_open(w->txn, w->dbi, &cursor);
	bool good = true;

	if (error != 0)
		return writing_failed(w, error);
	error = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
	for (; good && error == 0;
	    error = mdb_cursor_get(cursor, &key, &value, MDB_NEXT))
		good = digest_value(d, slice_make(value.mv_data,
		    value.mv_size));
	mdb_cursor_close(cursor);
	if (!good)
		return damaged(w);
	if (error != MDB_NOTFOUND)
		return writing_failed(w, error);
	return digest_end(d, w->head.rules_digest, w->fault) ||
	    writing_give_up(w);
}

/* Rules that did not change have the digest of the generation before. */
static bool
fill_digests(struct writing *w)
{
	struct digest *d;
	bool good;

	if (w->by->settings.n > 0 && !digest_of(w->by->settings,
	    w->head.settings_digest, w->fault))
		return writing_give_up(w);
	if (w->recording && w->head.added + w->head.removed +
	    w->head.changed == 0) {
		memcpy(w->head.rules_digest, w->newest.rules_digest,
		    DIGEST_BYTES);
		return true;
	}
	if ((d = digest_new(w->fault)) == NULL)
		return writing_give_up(w);
	good = digest_rules(w, d);
	digest_free(d);
	return good;
}

bool
writing_settings(struct writing *w)
{
	static const char name[] = { FORMAT_SYSTEM, FORMAT_SETTINGS };
	struct slice settings = w->by->settings;
	MDB_val key = { sizeof name, (void *)(uintptr_t)name }, value;
	int error;

	if (settings.n == 0 || !is_kept(w))
		return true;
	error = mdb_get(w->txn, w->dbi, &key, &value);
	if (error != 0 && error != MDB_NOTFOUND)
		return writing_failed(w, error);
	if (error == 0 && !slice_equal(settings, slice_make(value.mv_data,
	    value.mv_size)) && !writing_append(w, &w->old_settings,
	    value.mv_data, value.mv_size))
		return false;
	return writing_put(w, name, sizeof name, settings.p, settings.n, 0);
}

bool
writing_plan(struct writing *w)
{
	static const char name[] = { FORMAT_SYSTEM, FORMAT_PLAN };

	return w->by->plan == NULL || writing_put(w, name, sizeof name,
	    w->by->plan, sizeof *w->by->plan, 0);
}

static bool
drop(struct writing *w, uint64_t number, uint32_t parts)
{
	for (uint32_t part = 0; part <= parts; part++) {
		unsigned char key[HISTORY_KEY];
		MDB_val k = { sizeof key, key };
		int error;

		history_key(number, part, key);
		error = mdb_del(w->txn, w->dbi, &k, NULL);
		if (error == MDB_NOTFOUND)
			break;
		if (error != 0)
			return writing_failed(w, error);
	}
	return true;
}

/*
 * A generation goes when the one after it is old enough: until then it was in
 * force.  A clock that is wrong for once must not take all of them, so the time
 * of the newest one counts when it is earlier.
 */
static bool
drop_old(struct writing *w)
{
	int64_t now = w->by->now < w->newest.time ? w->by->now :
	    w->newest.time;
	struct format_generation next, old;
	uint64_t sum;

	if (w->by->keep_s == 0 || !w->recording)
		return true;
	while (w->info.info.oldest < w->was.generation) {
		uint64_t number = w->info.info.oldest;

		if (!read_head(w, number + 1, &next, &sum))
			return false;
		if (next.time > now - w->by->keep_s)
			break;
		if (!read_head(w, number, &old, &sum) ||
		    !drop(w, number, old.parts))
			return false;
		w->info.info.oldest++;
	}
	return true;
}

static uint32_t
fit(struct slice s, size_t most)
{
	return (uint32_t)(s.n < most ? s.n : most);
}

static bool
put_head(struct writing *w)
{
	const struct authorship *by = w->by;
	struct format_generation *head = &w->head;
	struct writing_bytes all = { NULL, 0, 0 };
	bool places = head->removed + head->changed > 0, good;

	head->number = w->was.generation + 1;
	head->time = by->now;
	head->before = w->was.oldest == 0 ? 0 : w->was.head;
	head->back_to = by->back_to;
	head->rules = w->info.info.rules;
	head->uid = by->uid;
	head->how = by->how;
	head->login = fit(by->login, HISTORY_NAME_MAX);
	head->host = fit(by->host, HISTORY_NAME_MAX);
	head->message = fit(by->message, HISTORY_MESSAGE_MAX);
	head->sources = places ? (uint32_t)w->sources.n : 0;
	head->settings = (uint32_t)w->old_settings.n;
	good = writing_append(w, &all, head, sizeof *head) &&
	    writing_append(w, &all, by->login.p, head->login) &&
	    writing_append(w, &all, by->host.p, head->host) &&
	    writing_append(w, &all, by->message.p, head->message) &&
	    writing_append(w, &all, w->sources.p, head->sources) &&
	    writing_append(w, &all, w->old_settings.p, head->settings) &&
	    put(w, 0, &all, &w->info.info.head);
	free(all.p);
	if (good && w->was.oldest == 0)
		w->info.info.oldest = head->number;
	return good;
}

bool
writing_history_end(struct writing *w)
{
	return !is_kept(w) || (put_part(w) && fill_digests(w) && drop_old(w) &&
	    put_head(w));
}
