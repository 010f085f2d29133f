/*
 * Look-ups in a transaction that has begun (store-begin.c): of one key, and of
 * all that cover a name or an address.
 */
#include <lmdb.h>
#include <string.h>

#include "policy/store/search.h"
#include "policy/store/store-internal.h"
#include "policy/store/watch.h"

enum lookup_result
store_damaged(struct store_reader *reader, const char *what)
{
	/*
	 * A reader that a commit overtook has read reused pages: no damage, it
	 * asks again.
	 */
	if (!store_is_overtaken(reader))
		reader->store->suspect = true;
	fault_set(&reader->fault, FAULT_DATA, "%s: damaged (%s); build the "
	    "store again", reader->store->path, what);
	return LOOKUP_FAILED;
}

static enum lookup_result
vouch(struct store_reader *reader, const void *key, size_t n,
    uint32_t check, struct slice value)
{
	uint64_t sum = filter_sum(filter_sum(1, key, n), value.p, value.n);

	return filter_vouches(check, sum) ? LOOKUP_FOUND :
	    store_damaged(reader, "a rule is not what was written");
}

static enum lookup_result
fetch(struct store_reader *reader, const void *key, size_t n,
    uint32_t check, struct slice *value)
{
	struct store_txn *r = reader->txn;

	if (snapshot_get(&r->snapshot, key, n, value) != LOOKUP_FOUND)
		return store_damaged(reader, "a rule is not in its place");
	return vouch(reader, key, n, check, *value);
}

static enum lookup_result
find(struct store_reader *reader, const unsigned char *key, size_t n,
    uint32_t *check)
{
	enum lookup_result result = filter_find(reader->filter,
	    filter_hash(reader->filter->head.salt, key, n), check);

	return result == LOOKUP_FAILED ?
	    store_damaged(reader, "its filter") : result;
}

enum lookup_result
store_own(struct store_reader *reader, const unsigned char *key, size_t n,
    struct slice *value)
{
	uint32_t check;
	enum lookup_result result = find(reader, key, n, &check);

	return result == LOOKUP_FOUND ?
	    fetch(reader, key, n, check, value) : result;
}

bool
store_has_kind(const struct store_reader *reader, enum tag tag,
    enum key_kind kind)
{
	return reader->info.count[tag][kind] != 0;
}

uint64_t
store_count(const struct store_reader *reader, enum tag tag)
{
	uint64_t n = 0;

	for (int kind = 0; kind < KEY_KIND_COUNT; kind++)
		n += reader->info.count[tag][kind];
	return n;
}

bool
store_has_tag(const struct store_reader *reader, enum tag tag)
{
	return store_count(reader, tag) != 0;
}

enum lookup_result
store_get(struct store_reader *reader, const struct key *key,
    struct slice *rules)
{
	if (!store_has_kind(reader, key->tag, key->kind))
		return LOOKUP_ABSENT;
	return store_own(reader, key->bytes, key->n, rules);
}

bool
store_next(struct store_reader *reader, struct slice *rules,
    struct stored_rule *rule)
{
	if (format_next(rules, rule))
		return true;
	if (rules->n > 0)
		store_damaged(reader, "a record");
	rules->n = 0;
	return false;
}

/* Behind the reversed name: the mark of ".name", see domain_reverse(). */
enum { MARK = '\1' };

/*
 * Adds a key to be tried.  All are collected first: while one is summed up, the
 * filter's lines for those before it come in from memory.
 */
static void
add_candidate(struct search *s, uint64_t hash, size_t n)
{
	filter_prefetch(s->reader->filter, hash);
	s->hash[s->left] = hash;
	s->n[s->left++] = (uint16_t)n;
}

/*
 * Of "mail.example.com": com, .com, example.com, .example.com and the name.
 * Their bytes are prefixes of the query's (key.h), each with a mark at its end,
 * so that one pass over that sums up all of them.  An empty label, as in
 * "a..b", is the mark itself.
 */
static void
find_names(struct search *s)
{
	const unsigned char *p = s->query->bytes;
	uint64_t hash = filter_hash(s->reader->filter->head.salt, p, KEY_HEAD);
	size_t end = s->query->n;

	for (size_t i = KEY_HEAD; i < end; i++) {
		hash = filter_byte(hash, p[i]);
		if (p[i] != MARK)
			continue;
		add_candidate(s, hash, i + 1);
		if (i + 1 < end && p[i + 1] != MARK)
			add_candidate(s, filter_byte(hash, MARK), i + 2);
	}
}

/* The query's first `bits`, as a key of their own. */
static void
make_network(const struct key *query, unsigned bits, struct key *key)
{
	struct netaddr addr = { .family = query->bytes[KEY_HEAD] };

	memcpy(addr.bytes, query->bytes + KEY_HEAD + 1,
	    netaddr_bits(&addr) / 8);
	netaddr_mask(&addr, bits);
	key_address(query->tag, query->kind, &addr, bits, key);
}

/* The networks around the address, of the lengths that are in use. */
static void
find_networks(struct search *s)
{
	unsigned family = s->query->bytes[KEY_HEAD];
	unsigned most = family == 4 ? 32 : 128;
	struct key key;

	for (unsigned bits = 0; bits <= most; bits++) {
		if (!filter_has_length(s->reader->filter, family, bits))
			continue;
		make_network(s->query, bits, &key);
		add_candidate(s, filter_hash(s->reader->filter->head.salt,
		    key.bytes, key.n), bits);
	}
}

void
search_start(struct search *s, struct store_reader *reader,
    const struct key *query)
{
	s->reader = reader;
	s->query = query;
	s->left = 0;
	if (!store_has_kind(reader, query->tag, query->kind))
		return;
	if (query->kind == KEY_NAME)
		find_names(s);
	else
		find_networks(s);
}

static enum lookup_result
fetch_candidate(struct search *s, uint32_t check, struct slice *rules)
{
	size_t n = s->n[s->left];
	struct key key;

	if (s->query->kind != KEY_NAME) {
		make_network(s->query, (unsigned)n, &key);
		n = key.n;
	} else {
		memcpy(key.bytes, s->query->bytes, n - 1);
		key.bytes[n - 1] = MARK;
	}
	return fetch(s->reader, key.bytes, n, check, rules);
}

enum lookup_result
search_next(struct search *s, struct slice *rules)
{
	uint32_t check;

	while (s->left > 0) {
		s->left--;
		switch (filter_find(s->reader->filter, s->hash[s->left],
		    &check)) {
		case LOOKUP_FOUND:
			return fetch_candidate(s, check, rules);
		case LOOKUP_ABSENT:
			break;
		default:
			return store_damaged(s->reader, "its filter");
		}
	}
	return LOOKUP_ABSENT;
}

enum lookup_result
store_suites(struct store_reader *reader, struct slice list,
    const uint16_t **ids, size_t *n)
{
	unsigned char key[KEY_MAX];
	enum lookup_result result;
	struct slice value;

	if (list.n > KEY_TEXT_MAX)
		return LOOKUP_ABSENT;
	result = store_own(reader, key, format_list_key(list, key), &value);
	if (result == LOOKUP_FOUND) {
		/* Aligned: see format_list_key(). */
		*ids = (const void *)value.p;
		*n = value.n / sizeof **ids;
	}
	return result;
}

enum lookup_result
store_settings(struct store_reader *reader, struct slice *settings)
{
	static const unsigned char key[] = { FORMAT_SYSTEM, FORMAT_SETTINGS };
	enum lookup_result result = store_own(reader, key, sizeof key, settings);

	if (result != LOOKUP_FOUND)
		*settings = slice_make("", 0);
	return result;
}

struct slice
store_source(struct store_reader *reader, unsigned source)
{
	unsigned char key[] = { FORMAT_SYSTEM, FORMAT_SOURCE,
		(unsigned char)(source >> 8), (unsigned char)source };
	struct store_txn *r = reader->txn;
	bool kept = source < FORMAT_SOURCES_KEPT;
	enum lookup_result result;
	struct slice name;
	uint32_t check;

	if (kept && r->source[source].p != NULL) {
		name = r->source[source];
		result = vouch(reader, key, sizeof key,
		    r->source_check[source], name);
	} else {
		result = find(reader, key, sizeof key, &check);
		if (result == LOOKUP_FOUND)
			result = fetch(reader, key, sizeof key, check,
			    &name);
	}
	if (result != LOOKUP_FOUND)
		return slice_make("", 0);
	if (kept && r->source[source].p == NULL) {
		r->source[source] = name;
		r->source_check[source] = check;
	}
	return name;
}

struct each {
	struct store_reader *reader;
	bool (*each)(void *, const struct stored_rule *);
	void *arg;
};

static bool
each_value(void *arg, struct slice key, struct slice value)
{
	const struct each *e = arg;
	struct slice rules = value;
	struct stored_rule rule;

	if (key.n == 0 || key.p[0] == FORMAT_SYSTEM)
		return true;
	while (store_next(e->reader, &rules, &rule))
		if (!e->each(e->arg, &rule))
			return false;
	return e->reader->fault.kind == FAULT_NONE;
}

bool
store_each(struct store_reader *reader,
    bool (*each)(void *, const struct stored_rule *), void *arg)
{
	const struct store_txn *r = reader->txn;
	struct each e = { reader, each, arg };

	if (reader->store->not_looked_at) {
		fault_set(&reader->fault, FAULT_DATA, "%s: was opened for keys "
		    "only", reader->store->path);
		return false;
	}
	if (!snapshot_each(&r->snapshot, each_value, &e))
		store_damaged(reader, "its pages");
	return reader->fault.kind == FAULT_NONE;
}
