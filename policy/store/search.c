/*
 * All candidates are found before any is tried: while one is summed up, the
 * filter's lines for those before it come in from memory.
 */
#include <string.h>

#include "policy/store/inside.h"
#include "policy/store/search.h"

/* Behind the reversed name: the mark of ".name", see domain_reverse(). */
enum { MARK = '\1' };

static void
add(struct search *s, struct search_candidate candidate)
{
	filter_prefetch(s->reader->filter, candidate.hash);
	s->candidate[s->left++] = candidate;
}

/*
 * Of "mail.example.com": com, .com, example.com, .example.com and the name.
 * Their bytes are prefixes of the query's (key.h), so that one pass over it
 * sums up all of them.  An empty label, as in "a..b", is the mark itself.
 */
static void
find_names(struct search *s)
{
	const unsigned char *p = s->query->bytes;
	uint64_t hash = filter_hash(s->reader->filter->head.salt, p, KEY_HEAD);
	size_t end = s->query->n;

	for (size_t i = KEY_HEAD; i < end; i++) {
		struct search_candidate name = { .n = (uint16_t)(i + 1) };

		hash = name.hash = filter_byte(hash, p[i]);
		if (p[i] != MARK)
			continue;
		add(s, name);
		if (i + 1 == end || p[i + 1] == MARK)
			continue;
		name.hash = filter_byte(hash, MARK);
		name.marked = true;
		add(s, name);
	}
}

/* The query's first `bits`, as a key of their own. */
static void
make_network(const struct key *query, unsigned bits, struct key *key)
{
	struct netprefix prefix = { .bits = bits };

	prefix.addr.family = query->bytes[KEY_HEAD];
	memcpy(prefix.addr.bytes, query->bytes + KEY_HEAD + 1,
	    netaddr_bits(&prefix.addr) / 8);
	netaddr_mask(&prefix.addr, bits);
	key_address(query->tag, query->kind, &prefix, key);
}

/* The networks around the address, of the lengths that are in use. */
static void
find_networks(struct search *s)
{
	unsigned family = s->query->bytes[KEY_HEAD];
	unsigned most = family == 4 ? 32 : 128;
	struct key key;

	for (unsigned bits = 0; bits <= most; bits++) {
		struct search_candidate network = { .bits = (uint16_t)bits };

		if (!filter_has_length(s->reader->filter, family, bits))
			continue;
		make_network(s->query, bits, &key);
		network.hash = filter_hash(s->reader->filter->head.salt,
		    key.bytes, key.n);
		add(s, network);
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
fetch(struct search *s, const struct search_candidate *c, uint32_t check,
    struct stored_rules *rules)
{
	struct key key;

	if (s->query->kind != KEY_NAME) {
		make_network(s->query, c->bits, &key);
		return store_fetch(s->reader, key.bytes, key.n, check,
		    &rules->rest);
	}
	memcpy(key.bytes, s->query->bytes, c->n);
	key.bytes[c->n] = MARK;
	return store_fetch(s->reader, key.bytes, c->n + (size_t)c->marked,
	    check, &rules->rest);
}

enum lookup_result
search_next(struct search *s, struct stored_rules *rules)
{
	while (s->left > 0) {
		const struct search_candidate *c = &s->candidate[--s->left];
		uint32_t check;

		switch (filter_find(s->reader->filter, c->hash, &check)) {
		case LOOKUP_FOUND:
			return fetch(s, c, check, rules);
		case LOOKUP_ABSENT:
			break;
		default:
			return store_damaged(s->reader, "its filter");
		}
	}
	return LOOKUP_ABSENT;
}
