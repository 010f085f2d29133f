#include <lmdb.h>
#include <string.h>

#include "policy/store/layout.h"
#include "policy/store/snapshot.h"

/* A page of a tree, and one of its nodes. */
struct place {
	const unsigned char *page;
	unsigned n; /* nodes of the page */
	struct node_head head;
	const unsigned char *key;
	size_t room; /* in the page, behind the key */
};

bool
snapshot_find(struct snapshot *s, const unsigned char *map, size_t size,
    uint64_t txnid)
{
	struct meta first, meta;

	if (size < PAGE_HEAD + sizeof first)
		return false;
	memcpy(&first, map + PAGE_HEAD, sizeof first);
	s->txn = NULL;
	s->map = map;
	s->page_size = first.free.pad;
	if (s->page_size < 512 || s->page_size > 65536 ||
	    (s->page_size & (s->page_size - 1)) != 0 ||
	    size < 2 * s->page_size)
		return false;
	/* LMDB writes header txnid & 1. */
	memcpy(&meta, map + txnid % 2 * s->page_size + PAGE_HEAD, sizeof meta);
	s->root = meta.main.root;
	s->depth = meta.main.depth;
	if (meta.txnid != txnid || meta.last_page >= size / s->page_size)
		return false;
	s->size = (meta.last_page + 1) * s->page_size;
	return true;
}

static bool
read_page(const struct snapshot *s, size_t number, bool leaf, struct place *p)
{
	struct page_head head;

	if (number < 2 || number >= s->size / s->page_size)
		return false;
	p->page = s->map + number * s->page_size;
	memcpy(&head, p->page, sizeof head);
	if (head.number != number ||
	    head.flags != (leaf ? FLAG_LEAF : FLAG_BRANCH) ||
	    head.lower < PAGE_HEAD || head.lower > s->page_size)
		return false;
	p->n = (head.lower - PAGE_HEAD) / 2U;
	return p->n > 0;
}

static inline bool
read_node(const struct snapshot *s, unsigned i, struct place *p)
{
	uint16_t offset;

	memcpy(&offset, p->page + PAGE_HEAD + i * sizeof offset,
	    sizeof offset);
	if (offset < PAGE_HEAD || offset + (size_t)NODE_HEAD > s->page_size)
		return false;
	memcpy(&p->head, p->page + offset, sizeof p->head);
	p->room = s->page_size - offset - NODE_HEAD;
	if (p->head.key_size > p->room)
		return false;
	p->key = p->page + offset + NODE_HEAD;
	p->room -= p->head.key_size;
	return true;
}

static inline int
compare(const void *key, size_t n, const struct place *p)
{
	size_t m = p->head.key_size;
	int order = memcmp(key, p->key, n < m ? n : m);

	return order != 0 ? order : (n > m) - (n < m);
}

/*
 * The last node whose key is not greater; of a branch the first one stands for
 * "below all".  *order: 0 when it is the key itself.
 */
static bool
search(const struct snapshot *s, bool leaf, const void *key, size_t n,
    struct place *p, int *order)
{
	unsigned low = leaf ? 0 : 1, high = p->n;

	*order = 1;
	while (low < high && *order != 0) {
		unsigned middle = low + (high - low) / 2;

		if (!read_node(s, middle, p))
			return false;
		*order = compare(key, n, p);
		if (*order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	if (*order == 0 || leaf)
		return true;
	return read_node(s, low - 1, p);
}

/* The value of a leaf's node: on pages of its own, or behind the key. */
static bool
read_value(const struct snapshot *s, const struct place *p,
    struct slice *value)
{
	const unsigned char *at = p->key + p->head.key_size;
	size_t size = p->head.low, page, room;

	if ((p->head.high & NODE_BIGDATA) != 0) {
		if (p->room < sizeof page)
			return false;
		memcpy(&page, at, sizeof page);
		if (page < 2 || page >= s->size / s->page_size)
			return false;
		at = s->map + page * s->page_size + PAGE_HEAD;
		room = s->size - page * s->page_size - PAGE_HEAD;
	} else
		room = p->room;
	*value = slice_make((const char *)at, size);
	return size <= room;
}

void
snapshot_of_writer(struct snapshot *s, void *txn, unsigned dbi)
{
	memset(s, 0, sizeof *s);
	s->txn = txn;
	s->dbi = dbi;
}

static enum lookup_result
get_of_writer(const struct snapshot *s, const void *key, size_t n,
    struct slice *value)
{
	MDB_val k = { n, (void *)(uintptr_t)key }, v = { 0, NULL };
	int error = mdb_get(s->txn, s->dbi, &k, &v);

	*value = slice_make(v.mv_data, v.mv_size);
	return error == 0 ? LOOKUP_FOUND : error == MDB_NOTFOUND ?
	    LOOKUP_ABSENT : LOOKUP_FAILED;
}

static bool
each_of_writer(const struct snapshot *s,
    bool (*each)(void *, struct slice, struct slice), void *arg)
{
	MDB_val key, value;
	MDB_cursor *cursor;
	bool more = true;
	int error = mdb_cursor_open(s->txn, s->dbi, &cursor);

	if (error != 0)
		return false;
	while (more && (error = mdb_cursor_get(cursor, &key, &value,
	    MDB_NEXT)) == 0)
		more = each(arg, slice_make(key.mv_data, key.mv_size),
		    slice_make(value.mv_data, value.mv_size));
	mdb_cursor_close(cursor);
	return !more || error == MDB_NOTFOUND;
}

enum lookup_result
snapshot_get(const struct snapshot *s, const void *key, size_t n,
    struct slice *value)
{
	size_t number = s->root;
	struct place place;
	int order;

	if (s->txn != NULL)
		return get_of_writer(s, key, n, value);
	if (s->depth == 0)
		return LOOKUP_ABSENT;
	if (s->depth > DEPTH_MAX)
		return LOOKUP_FAILED;
	for (unsigned left = s->depth; left > 0; left--) {
		bool leaf = left == 1;

		if (!read_page(s, number, leaf, &place) ||
		    !search(s, leaf, key, n, &place, &order))
			return LOOKUP_FAILED;
		number = node_child(&place.head);
	}
	if (order != 0)
		return LOOKUP_ABSENT;
	return read_value(s, &place, value) ? LOOKUP_FOUND : LOOKUP_FAILED;
}

struct walk {
	const struct snapshot *s;
	bool (*each)(void *, struct slice, struct slice);
	void *arg;
	bool more;
};

static bool
walk_page(struct walk *w, size_t number, unsigned left)
{
	bool leaf = left == 1;
	struct slice value;
	struct place place;

	if (!read_page(w->s, number, leaf, &place))
		return false;
	for (unsigned i = 0; w->more && i < place.n; i++) {
		if (!read_node(w->s, i, &place))
			return false;
		if (!leaf) {
			if (!walk_page(w, node_child(&place.head), left - 1))
				return false;
			continue;
		}
		if (!read_value(w->s, &place, &value))
			return false;
		w->more = w->each(w->arg, slice_make((const char *)place.key,
		    place.head.key_size), value);
	}
	return true;
}

bool
snapshot_each(const struct snapshot *s,
    bool (*each)(void *, struct slice, struct slice), void *arg)
{
	struct walk w = { s, each, arg, true };

	if (s->txn != NULL)
		return each_of_writer(s, each, arg);
	if (s->depth > DEPTH_MAX)
		return false;
	return s->depth == 0 || walk_page(&w, s->root, s->depth);
}
