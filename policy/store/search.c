/*
 * Names: the keys of "mail.example.com" are, from the most to the least
 * specific, those of the name, of ".example.com", "example.com", ".com", "com".
 * Their bytes are prefixes of the query's (key.h), so that one pass over it
 * sums up all of them for the filter.
 */
#include <string.h>

#include "policy/store/format.h"
#include "policy/store/search.h"

/* Behind the reversed name: the mark of ".name", see domain_reverse(). */
enum { MARK = '\1' };

static int
read_levels(struct search *s)
{
	const struct key *query = s->query;
	uint64_t hash = filter_hash(query->bytes, KEY_HEAD);
	int levels = 0;

	for (size_t i = KEY_HEAD; i < query->n; i++) {
		hash = filter_byte(hash, query->bytes[i]);
		if (query->bytes[i] == MARK)
			s->level[levels++] = (struct search_level){ hash,
				(uint16_t)(i + 1) };
	}
	return levels;
}

void
search_start(struct search *s, struct store_reader *reader,
    const struct key *query)
{
	s->reader = reader;
	s->query = query;
	if (!store_has_kind(reader, query->tag, query->kind))
		s->next = -1;
	else if (query->kind == KEY_NAME)
		s->next = 2 * read_levels(s) - 2;
	else
		s->next = query->bytes[KEY_HEAD] == 4 ? 32 : 128;
}

/* Even numbers are names, odd ones the ".name" below the next longer one. */
static enum lookup_result
try_name(struct search *s, int number, struct stored_rules *rules)
{
	const struct search_level *level = &s->level[number / 2];
	unsigned char marked[KEY_MAX];
	uint64_t hash;

	if (number % 2 == 0)
		return store_get_hashed(s->reader, s->query->bytes, level->n,
		    level->hash, rules);
	if (level[1].n == level->n + 1) /* "a..b": an empty label is the mark */
		return LOOKUP_ABSENT;
	hash = filter_byte(level->hash, MARK);
	if (!filter_may_hold(s->reader->filter, hash))
		return LOOKUP_ABSENT;
	memcpy(marked, s->query->bytes, level->n);
	marked[level->n] = MARK;
	return store_get_hashed(s->reader, marked, level->n + 1U, hash, rules);
}

static enum lookup_result
try_prefix(struct search *s, int number, struct stored_rules *rules)
{
	unsigned bits = (unsigned)number;
	unsigned family = s->query->bytes[KEY_HEAD];
	struct netprefix prefix = { .bits = bits };
	struct key key;

	if (!filter_has_length(s->reader->filter, family, bits))
		return LOOKUP_ABSENT;
	prefix.addr.family = (uint8_t)family;
	memcpy(prefix.addr.bytes, s->query->bytes + KEY_HEAD + 1,
	    netaddr_bits(&prefix.addr) / 8);
	netaddr_mask(&prefix.addr, bits);
	key_address(s->query->tag, s->query->kind, &prefix, &key);
	return store_get_hashed(s->reader, key.bytes, key.n,
	    filter_hash(key.bytes, key.n), rules);
}

enum lookup_result
search_next(struct search *s, struct stored_rules *rules)
{
	bool name = s->query->kind == KEY_NAME;
	enum lookup_result result = LOOKUP_ABSENT;

	while (result == LOOKUP_ABSENT && s->next >= 0) {
		int number = s->next--;

		result = name ? try_name(s, number, rules) :
		    try_prefix(s, number, rules);
	}
	return result;
}
