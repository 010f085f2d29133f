/*
 * Rules by their keys.  They are sorted, but a search through a million of them
 * waits for memory twenty times, and most keys that are looked for are not
 * there.  So there is a table of twice as many places: a place is where the rule
 * stands, plus one.
 */
#include <stdlib.h>
#include <string.h>

#include "policy/lint/lint.h"

static uint32_t *
place_of(const struct lint_index *index, const struct rulefile *file,
    struct slice key)
{
	size_t at = (size_t)slice_hash(key) & index->mask;

	while (index->places[at] != 0 && !slice_equal(
	    rule_key_bytes(&file->rules[index->places[at] - 1]), key))
		at = (at + 1) & index->mask;
	return &index->places[at];
}

static bool
is_prefix(struct slice key)
{
	return key.p[1] == KEY_ADDRESS || key.p[1] == KEY_BRACKET;
}

bool
lint_index_init(struct lint_index *index, const struct rulefile *file)
{
	size_t size = 16;

	memset(index, 0, sizeof *index);
	while (size < 2 * file->n)
		size *= 2;
	index->mask = size - 1;
	index->places = calloc(size, sizeof *index->places);
	if (index->places == NULL)
		return false;
	for (size_t i = 0; i < file->n; i++) {
		struct slice key = rule_key_bytes(&file->rules[i]);
		uint32_t *place = place_of(index, file, key);

		/* Of several lines of a key the first. */
		if (*place == 0)
			*place = (uint32_t)i + 1;
		if (is_prefix(key))
			index->lengths[(unsigned char)key.p[key.n - 1]] = true;
	}
	return true;
}

void
lint_index_free(struct lint_index *index)
{
	free(index->places);
}

const struct rule *
lint_not_before(const struct lint *l, const struct key *key)
{
	struct slice wanted = slice_make((const char *)key->bytes, key->n);
	size_t low = 0, high = l->file->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		struct slice have = rule_key_bytes(&l->file->rules[middle]);
		size_t n = have.n < wanted.n ? have.n : wanted.n;
		int order = memcmp(have.p, wanted.p, n);

		if (order < 0 || (order == 0 && have.n < wanted.n))
			low = middle + 1;
		else
			high = middle;
	}
	return low == l->file->n ? NULL : &l->file->rules[low];
}

const struct rule *
lint_find(const struct lint *l, const struct key *key)
{
	uint32_t place = *place_of(&l->index, l->file,
	    slice_make((const char *)key->bytes, key->n));

	return place == 0 ? NULL : &l->file->rules[place - 1];
}
