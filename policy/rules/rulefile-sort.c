/*
 * Rules in the order of their keys.
 *
 * Byte by byte from the first one: to compare a million keys with each other,
 * wherever their texts lie, costs three times as much.
 */
#include "config.h" /* for be64toh(3) */

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "policy/rules/rulefile-internal.h"

/*
 * The beginning of a rule's key, as numbers that sort as its bytes do: most of
 * the work then touches no memory but the array that is sorted.
 */
struct entry {
	uint64_t head[2];
	const struct rule *rule;
};

enum {
	HEAD_BYTES = 16,
	FEW = 40 /* so many are compared with each other */
};

static struct entry
entry_of(const struct rule *rule)
{
	struct entry entry = { .head = { 0, 0 }, .rule = rule };
	struct slice key = rule->key_bytes;

	memcpy(entry.head, key.p, key.n < HEAD_BYTES ? key.n : HEAD_BYTES);
	entry.head[0] = be64toh(entry.head[0]);
	entry.head[1] = be64toh(entry.head[1]);
	return entry;
}

static unsigned
byte_of(const struct entry *entry, unsigned i)
{
	return entry->head[i / 8] >> (56 - i % 8 * 8) & 0xff;
}

static int
compare_rules(const struct rule *a, const struct rule *b)
{
	int order = slice_compare(a->key_bytes, b->key_bytes);

	if (order != 0)
		return order;
	if (a->source != b->source)
		return a->source < b->source ? -1 : 1;
	return (a->line > b->line) - (a->line < b->line);
}

static int
compare_entries(const void *pa, const void *pb)
{
	const struct entry *a = pa, *b = pb;

	for (int i = 0; i < 2; i++)
		if (a->head[i] != b->head[i])
			return a->head[i] < b->head[i] ? -1 : 1;
	return compare_rules(a->rule, b->rule);
}

static void
sort_few(struct entry *all, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		struct entry one = all[i];
		size_t at = i;

		for (; at > 0 && compare_entries(&all[at - 1], &one) > 0; at--)
			all[at] = all[at - 1];
		all[at] = one;
	}
}

/* Those that are alike before this byte; there is as much room in `other`. */
static void
sort(struct entry *all, struct entry *other, size_t n, unsigned byte)
{
	size_t ends[256] = { 0 }, from = 0;

	if (n <= FEW) {
		sort_few(all, n);
		return;
	}
	if (byte == HEAD_BYTES) {
		qsort(all, n, sizeof *all, compare_entries);
		return;
	}
	for (size_t i = 0; i < n; i++)
		ends[byte_of(&all[i], byte)]++;
	if (ends[byte_of(all, byte)] == n) {
		sort(all, other, n, byte + 1);
		return;
	}
	for (unsigned value = 0; value < 256; value++) {
		from += ends[value];
		ends[value] = from - ends[value];
	}
	for (size_t i = 0; i < n; i++)
		other[ends[byte_of(&all[i], byte)]++] = all[i];
	memcpy(all, other, n * sizeof *all);
	from = 0;
	for (unsigned value = 0; value < 256; from = ends[value++])
		if (ends[value] - from > 1)
			sort(all + from, other + from, ends[value] - from,
			    byte + 1);
}

static bool
same_key(const struct entry *a, const struct entry *b)
{
	return a->head[0] == b->head[0] && a->head[1] == b->head[1] &&
	    slice_equal(a->rule->key_bytes, b->rule->key_bytes);
}

/* Entries in their order; NULL: no memory. */
static struct entry *
sorted_entries(const struct rulefile *file)
{
	struct entry *entries = reallocarray(NULL, file->n, sizeof *entries);
	struct entry *other = reallocarray(NULL, file->n, sizeof *other);
	bool good = entries != NULL && other != NULL;

	if (good) {
		for (size_t i = 0; i < file->n; i++)
			entries[i] = entry_of(&file->rules[i]);
		sort(entries, other, file->n, 0);
	} else {
		free(entries);
		entries = NULL;
	}
	free(other);
	return entries;
}

bool
rulefile_sort(struct rulefile *file)
{
	struct entry *entries;
	struct rule *sorted;

	if (file->n < 2)
		return true;
	if ((entries = sorted_entries(file)) == NULL)
		return false;
	sorted = reallocarray(NULL, file->n, sizeof *sorted);
	if (sorted != NULL) {
		for (size_t i = 0; i < file->n; i++) {
			sorted[i] = *entries[i].rule;
			if (i > 0 && same_key(&entries[i - 1], &entries[i]))
				sorted[i].flags |= RULE_REPEATED;
		}
		free(file->rules);
		file->rules = sorted;
		file->allocated = file->n;
	}
	free(entries);
	return sorted != NULL;
}
