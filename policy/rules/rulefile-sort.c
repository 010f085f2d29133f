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
	struct slice key = rule_key_bytes(rule);

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
	int order = slice_compare(rule_key_bytes(a), rule_key_bytes(b));

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

static void
swap(struct entry *a, struct entry *b)
{
	struct entry one = *a;

	*a = *b;
	*b = one;
}

/*
 * Moves each entry to those with its byte; afterwards ends[value] is where
 * these end.
 */
static void
part(struct entry *all, size_t ends[static 256], unsigned byte)
{
	size_t next[256], from = 0;

	for (unsigned value = 0; value < 256; value++) {
		next[value] = from;
		ends[value] = from += ends[value];
	}
	for (unsigned value = 0; value < 256; value++)
		while (next[value] < ends[value]) {
			struct entry *one = &all[next[value]];
			unsigned is = byte_of(one, byte);

			if (is != value)
				swap(one, &all[next[is]]);
			next[is]++;
		}
}

/* Sorts, in place, entries that are alike before this byte. */
static void
sort(struct entry *all, size_t n, unsigned byte)
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
		sort(all, n, byte + 1);
		return;
	}
	part(all, ends, byte);
	for (unsigned value = 0; value < 256; from = ends[value++])
		if (ends[value] - from > 1)
			sort(all + from, ends[value] - from, byte + 1);
}

static bool
same_key(const struct entry *a, const struct entry *b)
{
	return a->head[0] == b->head[0] && a->head[1] == b->head[1] &&
	    slice_equal(rule_key_bytes(a->rule), rule_key_bytes(b->rule));
}

/* Follows each circle of rules that stand in one another's place. */
static void
move_rules(struct rule *rules, struct entry *entries, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct rule first = rules[i];
		size_t to = i, from;

		for (; (from = (size_t)(entries[to].rule - rules)) != i;
		     to = from) {
			rules[to] = rules[from];
			entries[to].rule = &rules[to];
		}
		rules[to] = first;
		entries[to].rule = &rules[to];
	}
}

bool
rulefile_sort(struct rulefile *file)
{
	struct entry *entries;

	if (file->n < 2)
		return true;
	if ((entries = reallocarray(NULL, file->n, sizeof *entries)) == NULL)
		return false;
	for (size_t i = 0; i < file->n; i++)
		entries[i] = entry_of(&file->rules[i]);
	sort(entries, file->n, 0);
	move_rules(file->rules, entries, file->n);
	for (size_t i = 1; i < file->n; i++)
		if (same_key(&entries[i - 1], &entries[i]))
			file->rules[i].flags |= RULE_REPEATED;
	free(entries);
	return true;
}
