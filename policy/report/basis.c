/* Records come nearly in order of time, so a set mostly grows at its end. */
#include <stdlib.h>
#include <string.h>

#include "policy/report/basis.h"
#include "policy/report/report-internal.h"

void
basis_init(struct basis *b)
{
	memset(b, 0, sizeof *b);
	fleet_init(&b->fleet);
	b->since = INT64_MIN;
	b->until = INT64_MAX;
}

void
basis_free(struct basis *b)
{
	for (size_t i = 0; i < b->n; i++) {
		free(b->nodes[i].name);
		free(b->nodes[i].generations.list);
		free(b->nodes[i].days.list);
	}
	free(b->nodes);
	free(b->days.list);
	fleet_free(&b->fleet);
}

static bool
set_add(struct basis_set *s, int64_t number)
{
	size_t at = s->n;

	while (at > 0 && s->list[at - 1] > number)
		at--;
	if (at > 0 && s->list[at - 1] == number)
		return true;
	if (s->n == s->room) {
		size_t room = 2 * s->room + 16;
		int64_t *list = reallocarray(s->list, room, sizeof *list);

		if (list == NULL)
			return false;
		s->list = list;
		s->room = room;
	}
	memmove(s->list + at + 1, s->list + at, (s->n - at) * sizeof *s->list);
	s->list[at] = number;
	s->n++;
	return true;
}

static struct basis_node *
find_node(struct basis *b, struct slice name)
{
	struct basis_node *node;

	for (size_t i = 0; i < b->n; i++)
		if (slice_is(name, b->nodes[i].name))
			return &b->nodes[i];
	if (b->n >= BASIS_NODES_MAX && name.n > 0)
		return find_node(b, slice_make("", 0));
	node = reallocarray(b->nodes, b->n + 1, sizeof *node);
	if (node == NULL)
		return NULL;
	b->nodes = node;
	node += b->n;
	memset(node, 0, sizeof *node);
	node->name = strndup(name.p == NULL ? "" : name.p, name.n);
	if (node->name == NULL)
		return NULL;
	b->n++;
	return node;
}

bool
basis_add(struct basis *b, const struct reader_record *record)
{
	struct basis_node *node;
	int64_t day = report_day(record->time_us);

	if (record->time_us < b->since || record->time_us >= b->until)
		return true;
	node = find_node(b, facts_value(&record->facts, FACT_NODE));
	if (node == NULL || !set_add(&node->days, day) ||
	    !set_add(&b->days, day) || (!record->maillog &&
	    record->event != RECORD_DELIVERED &&
	    record->event != RECORD_HANDSHAKE && !set_add(&node->generations,
	    (int64_t)record->generation)))
		return !(b->failed = true);
	if (node->records++ == 0 || record->time_us < node->first_us)
		node->first_us = record->time_us;
	if (record->time_us > node->last_us)
		node->last_us = record->time_us;
	return true;
}

bool
basis_look(struct basis *b, const struct fleet_line *line)
{
	return fleet_add(&b->fleet, line) || !(b->failed = true);
}

static int
compare(const void *pa, const void *pb)
{
	return strcmp(((const struct basis_node *)pa)->name,
	    ((const struct basis_node *)pb)->name);
}

void
basis_finish(struct basis *b)
{
	b->failed = !fleet_finish(&b->fleet) || b->failed;
	if (b->n > 0)
		qsort(b->nodes, b->n, sizeof *b->nodes, compare);
}

bool
basis_span(const struct basis *b, int64_t *first, int64_t *last)
{
	const struct basis_set *days = &b->days;

	if ((b->since == INT64_MIN || b->until == INT64_MAX) && days->n == 0)
		return false;
	*first = b->since == INT64_MIN ? days->list[0] : report_day(b->since);
	*last = b->until == INT64_MAX ? days->list[days->n - 1] :
	    report_day(b->until - 1);
	return *first <= *last;
}

bool
basis_gap(const struct basis *b, const struct basis_set *days, size_t *at,
    int64_t *from, int64_t *to)
{
	int64_t first, last;

	if (!basis_span(b, &first, &last))
		return false;
	while (*at <= days->n) {
		*from = *at == 0 ? first : days->list[*at - 1] + 1;
		*to = *at == days->n ? last : days->list[*at] - 1;
		++*at;
		if (*from <= *to)
			return true;
	}
	return false;
}

uint64_t
basis_missing(const struct basis *b, const struct basis_set *days)
{
	uint64_t missing = 0;
	int64_t from, to;

	for (size_t at = 0; basis_gap(b, days, &at, &from, &to);)
		missing += (uint64_t)(to - from) + 1;
	return missing;
}

enum { SPANS_SHOWN = 8 };

void
basis_put_missing(const struct basis *b, const struct basis_set *days,
    struct text *out)
{
	uint64_t shown = 0, missing = basis_missing(b, days);
	int64_t from, to;
	size_t at = 0;

	if (missing == 0)
		text_puts(out, "none");
	for (int i = 0; i < SPANS_SHOWN && basis_gap(b, days, &at, &from, &to);
	    i++) {
		if (i > 0)
			text_puts(out, ", ");
		report_put_day(out, from * REPORT_DAY_US);
		if (to > from) {
			text_puts(out, " to ");
			report_put_day(out, to * REPORT_DAY_US);
		}
		shown += (uint64_t)(to - from) + 1;
	}
	if (shown < missing)
		text_printf(out, " and %llu days more",
		    (unsigned long long)(missing - shown));
}

void
basis_put_generations(const struct basis_set *s, struct text *out)
{
	size_t spans = 0;

	if (s->n == 0)
		text_puts(out, "none");
	for (size_t i = 0, k; i < s->n; i = k) {
		for (k = i + 1; k < s->n && s->list[k] == s->list[k - 1] + 1;)
			k++;
		if (++spans > SPANS_SHOWN) {
			text_printf(out, " and %zu more", s->n - i);
			return;
		}
		text_printf(out, "%s%lld", i > 0 ? ", " : "",
		    (long long)s->list[i]);
		if (k - i > 1)
			text_printf(out, " to %lld",
			    (long long)s->list[k - 1]);
	}
}
