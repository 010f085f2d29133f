/*
 * A record that does not change costs nothing here.  An example keeps its line,
 * so that it can be explained when all have been read.
 */
#include <stdlib.h>
#include <string.h>

#include "policy/facts/spelling.h"
#include "policy/facts/organisation.h"
#include "policy/replay/report-internal.h"

enum { CHUNK = 64 * 1024, FIRST_SIZE = 256 };

void
replay_report_init(struct replay_report *r)
{
	memset(r, 0, sizeof *r);
	arena_init(&r->memory, CHUNK);
}

void
replay_report_free(struct replay_report *r)
{
	free(r->table);
	arena_free(&r->memory);
}

static bool
is_refusal(enum replay_outcome outcome)
{
	return outcome == OUTCOME_TEMPFAILED || outcome == OUTCOME_REJECTED;
}

static enum replay_change
change_of(const struct reader_record *r, const struct replay *p,
    enum replay_outcome was)
{
	enum replay_outcome is = p->outcome;

	if (is_refusal(is))
		return is_refusal(was) ? CHANGE_OTHERWISE :
		    p->rcpts_refused > 0 && p->rcpts_refused < r->nrcpts ?
		    CHANGE_PARTLY : CHANGE_REFUSED;
	if (is_refusal(was))
		return r->event == RECORD_REFUSED_MAIL ? CHANGE_PASSED :
		    CHANGE_ALLOWED;
	if (is < was)
		return is == OUTCOME_ACCEPTED ? CHANGE_ALLOWED :
		    CHANGE_WARNED;
	return is == OUTCOME_HELD ? CHANGE_HELD : CHANGE_WARNED;
}

static void
domain_of(const struct reader_record *r, struct text *out)
{
	struct mailbox sender;
	struct slice domain;

	spelling_sender(&r->facts, &sender);
	domain = sender.domain;
	if (domain.n == 0)
		domain = facts_value(&r->facts, FACT_CLIENT_NAME);
	organisation_organisational(domain, out);
}

static size_t
hash(const struct replay_group *g)
{
	const struct slice parts[] = { g->domain, g->key, g->requirement };
	size_t h = (size_t)g->change;

	for (size_t i = 0; i < 3; i++)
		for (size_t k = 0; k <= parts[i].n; k++)
			h = (h ^ (unsigned char)(k < parts[i].n ?
			    parts[i].p[k] : 0)) * 1099511628211U;
	return h ^ h >> 29;
}

static bool
same(const struct replay_group *a, const struct replay_group *b)
{
	return a->change == b->change && slice_equal(a->domain, b->domain) &&
	    slice_equal(a->key, b->key) &&
	    slice_equal(a->requirement, b->requirement);
}

static struct replay_group **
find(struct replay_report *r, const struct replay_group *g)
{
	size_t at = hash(g) % r->size;

	while (r->table[at] != NULL && !same(r->table[at], g))
		at = (at + 1) % r->size;
	return &r->table[at];
}

static bool
grow(struct replay_report *r)
{
	struct replay_report larger = *r;

	if (r->size > 2 * r->n)
		return true;
	larger.size = r->size == 0 ? FIRST_SIZE : 2 * r->size;
	larger.table = calloc(larger.size, sizeof *larger.table);
	if (larger.table == NULL)
		return false;
	for (size_t i = 0; i < r->size; i++)
		if (r->table[i] != NULL)
			*find(&larger, r->table[i]) = r->table[i];
	free(r->table);
	*r = larger;
	return true;
}

static bool
keep(struct replay_report *r, struct slice *s)
{
	*s = arena_copy(&r->memory, *s);
	return s->p != NULL;
}

/* The earliest message is the example. */
static bool
take_example(struct replay_report *r, struct replay_group *g,
    const struct reader_record *record, const struct replay *p)
{
	char buf[4096];
	struct text reply;

	text_init(&reply, buf, sizeof buf);
	if (p->verdict->reply.nlines > 0)
		verdict_print_would(p->verdict, &reply);
	g->reply = slice_make(reply.buf, reply.n);
	g->example = record->line;
	g->was = replay_recorded(record);
	g->is = p->outcome;
	g->first_us = record->time_us;
	g->rcpt = p->rcpt;
	return keep(r, &g->example) && keep(r, &g->reply) &&
	    keep(r, &g->rcpt);
}

/* Adds a group for a change that no other group is like. */
static struct replay_group *
add_group(struct replay_report *r, const struct replay_group *like)
{
	struct replay_group *g = arena_alloc(&r->memory, sizeof *g);

	if (g == NULL)
		return NULL;
	*g = *like;
	g->first_us = INT64_MAX;
	g->last_us = INT64_MIN;
	if (!keep(r, &g->domain) || !keep(r, &g->key) ||
	    !keep(r, &g->requirement) || !keep(r, &g->file))
		return NULL;
	r->n++;
	return g;
}

static void
name_rule(struct replay_group *g, const struct reader_record *record,
    const struct replay *p)
{
	const struct tag_result *rule = p->rule != NULL ? p->rule :
	    reader_deciding_rule(record);

	if (rule == NULL)
		return;
	g->key = rule->key;
	g->requirement = rule->requirement;
	g->file = rule->file;
	g->line = rule->line;
}

bool
replay_report_add(struct replay_report *r, const struct reader_record *record,
    const struct replay *p, struct fault *fault)
{
	char buf[DOMAIN_TEXT_MAX];
	struct replay_group like = { .was = replay_recorded(record),
		.is = p->outcome }, **place;
	struct text domain;

	r->header_missing += p->header_missing;
	if (like.was == like.is)
		return true;
	text_init(&domain, buf, sizeof buf);
	domain_of(record, &domain);
	like.domain = slice_make(domain.buf, domain.n);
	like.change = change_of(record, p, like.was);
	name_rule(&like, record, p);
	if (!grow(r))
		return fault_no_memory(fault);
	place = find(r, &like);
	if (*place == NULL && (*place = add_group(r, &like)) == NULL)
		return fault_no_memory(fault);
	(*place)->count++;
	r->changed[like.change]++;
	if (record->time_us > (*place)->last_us)
		(*place)->last_us = record->time_us;
	return record->time_us >= (*place)->first_us ||
	    take_example(r, *place, record, p) ||
	    fault_no_memory(fault);
}

static void
merge_group(struct replay_group *g, const struct replay_group *from)
{
	uint64_t count = g->count + from->count;
	int64_t last = g->last_us > from->last_us ? g->last_us : from->last_us;

	if (from->first_us < g->first_us)
		*g = *from;
	g->count = count;
	g->last_us = last;
}

bool
replay_report_merge(struct replay_report *r, const struct replay_report *from,
    struct fault *fault)
{
	for (size_t i = 0; i < from->size; i++) {
		struct replay_group **place, *g = from->table[i];

		if (g == NULL)
			continue;
		if (!grow(r))
			return fault_no_memory(fault);
		place = find(r, g);
		if (*place != NULL) {
			merge_group(*place, g);
			continue;
		}
		*place = g;
		r->n++;
	}
	for (int c = 0; c < CHANGE_COUNT; c++)
		r->changed[c] += from->changed[c];
	r->unjudged += from->unjudged;
	r->header_missing += from->header_missing;
	return true;
}

bool
replay_report_refuses(const struct replay_report *r)
{
	return r->changed[CHANGE_REFUSED] + r->changed[CHANGE_PARTLY] > 0;
}

bool
replay_report_differs(const struct replay_report *r)
{
	uint64_t all = 0;

	for (int c = 0; c < CHANGE_COUNT; c++)
		all += r->changed[c];
	return all > 0;
}
