/*
 * Let q be the query and k the greatest stored key not above a bound (q at
 * first).  If k covers q it is the most specific key below the bound that
 * does.  If not, every covering key is at most as long as the common prefix p
 * of k and q: a longer one would lie between k and the bound.  So the next
 * bound is p (for names with the mark of ".p", which sorts behind p itself and
 * before every deeper name), and each miss shortens it.
 */
#include <lmdb.h>
#include <string.h>

#include "policy/store/format.h"
#include "policy/store/search.h"

enum { STEPS_MAX = 2000 };

void
search_start(struct search *s, struct store_reader *reader,
    const struct key *query)
{
	s->reader = reader;
	s->query = query;
	s->started = false;
	s->steps = 0;
	s->bound = *query;
}

static bool
same_head(struct slice bytes, const struct key *key)
{
	return bytes.n >= KEY_HEAD &&
	    memcmp(bytes.p, key->bytes, KEY_HEAD) == 0;
}

/* The greatest key <= bound (or with `below` the one before the last found). */
static int
step_back(struct search *s, bool below, MDB_val *key, MDB_val *value)
{
	MDB_cursor *cursor = s->reader->cursor;
	int error;

	if (below)
		return mdb_cursor_get(cursor, key, value, MDB_PREV);
	key->mv_data = s->bound.bytes;
	key->mv_size = s->bound.n;
	error = mdb_cursor_get(cursor, key, value, MDB_SET_RANGE);
	if (error == 0 && key->mv_size == s->bound.n &&
	    memcmp(key->mv_data, s->bound.bytes, s->bound.n) == 0)
		return 0;
	if (error == 0)
		return mdb_cursor_get(cursor, key, value, MDB_PREV);
	if (error == MDB_NOTFOUND)
		return mdb_cursor_get(cursor, key, value, MDB_LAST);
	return error;
}

/* Length of the common part of two reversed names, in whole labels. */
static size_t
common_labels(struct slice a, struct slice b)
{
	size_t n = 0;

	for (size_t i = 0; i < a.n && i < b.n && a.p[i] == b.p[i]; i++)
		if (a.p[i] == '\1')
			n = i + 1;
	return n;
}

static struct slice
body(struct slice bytes)
{
	return slice_from(bytes, KEY_HEAD);
}

static struct slice
query_body(const struct search *s)
{
	return slice_make((const char *)s->query->bytes + KEY_HEAD,
	    s->query->n - KEY_HEAD);
}

/*
 * A name covers the query when it is a prefix of it in whole labels, or such
 * a prefix with the mark of ".name" behind it and deeper labels in the query.
 */
static bool
name_covers(struct search *s, struct slice name)
{
	struct slice query = query_body(s);
	size_t common = common_labels(name, query);

	if (common == name.n && common > 0)
		return true;
	if (common + 1 == name.n && name.p[common] == '\1' && common > 0 &&
	    query.n > common)
		return true;
	s->bound.n = KEY_HEAD + common;
	s->bound.bytes[s->bound.n++] = '\1';
	return false;
}

static bool
read_prefix(struct slice bytes, struct netprefix *prefix)
{
	size_t length = bytes.n > 0 && bytes.p[0] == 4 ? 4 : 16;

	memset(prefix, 0, sizeof *prefix);
	if (bytes.n != length + 2)
		return false;
	prefix->addr.family = (uint8_t)bytes.p[0];
	memcpy(prefix->addr.bytes, bytes.p + 1, length);
	prefix->bits = (unsigned char)bytes.p[length + 1];
	return true;
}

static bool
prefix_covers(struct search *s, struct slice bytes, bool *more)
{
	struct netprefix stored, query;
	unsigned common;

	*more = read_prefix(bytes, &stored) &&
	    read_prefix(query_body(s), &query) &&
	    stored.addr.family == query.addr.family;
	if (!*more)
		return false;
	common = netaddr_common_bits(&stored.addr, &query.addr);
	if (common >= stored.bits)
		return true;
	query.bits = common;
	netaddr_mask(&query.addr, common);
	key_address(s->query->tag, s->query->kind, &query, &s->bound);
	return false;
}

/* Does it cover?  If not, lowers the bound; *more false: nothing can. */
static bool
covers(struct search *s, struct slice bytes, bool *more)
{
	*more = true;
	if (s->query->kind != KEY_NAME)
		return prefix_covers(s, body(bytes), more);
	if (name_covers(s, body(bytes)))
		return true;
	*more = s->bound.n > KEY_HEAD + 1;
	return false;
}

static enum lookup_result
damaged(struct store_reader *reader)
{
	fault_set(&reader->fault, FAULT_DATA, "%s: keys out of order; build "
	    "the store again", store_path(reader->store));
	return LOOKUP_FAILED;
}

enum lookup_result
search_next(struct search *s, struct stored_rules *rules)
{
	struct store_reader *reader = s->reader;
	bool below = s->started, more = true;
	struct slice bytes;
	int error;

	if (reader->info.count[s->query->tag][s->query->kind] == 0)
		return LOOKUP_ABSENT;
	s->started = true;
	while (more) {
		MDB_val key, value;

		/* Each step moves down; only a forged file could go on. */
		if (s->steps++ == STEPS_MAX)
			return damaged(reader);
		error = step_back(s, below, &key, &value);
		if (error == MDB_NOTFOUND)
			return LOOKUP_ABSENT;
		if (error != 0) {
			store_lmdb_fault(&reader->fault, error,
			    store_path(reader->store));
			return LOOKUP_FAILED;
		}
		bytes = slice_make(key.mv_data, key.mv_size);
		if (!same_head(bytes, s->query))
			return LOOKUP_ABSENT;
		if (covers(s, bytes, &more)) {
			rules->rest = slice_make(value.mv_data,
			    value.mv_size);
			return LOOKUP_FOUND;
		}
		below = false;
	}
	return LOOKUP_ABSENT;
}
