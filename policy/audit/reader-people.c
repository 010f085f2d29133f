/*
 * Values that are hidden, put back at the end of the line: by then the day of
 * their salts is known, wherever it stands.
 */
#include "policy/audit/reader-internal.h"

bool
parse_privacy(struct parse *p)
{
	const char *at = p->scan.p;
	struct slice day;

	if (!scan_string(&p->scan, &day))
		return false;
	p->r->private = true;
	if (day_parse(day, &p->day))
		return true;
	p->scan.p = at;
	return scan_fail(&p->scan, "a day as 2026-03-01");
}

/* `before` the commitment, then `value`.  False: out of memory. */
static bool
join(struct parse *p, struct slice before, struct slice value, struct slice *s)
{
	char *room;

	if (before.n == 0) {
		*s = value;
		return true;
	}
	room = arena_alloc(&p->r->memory, before.n + value.n + 1);
	if (room == NULL)
		return scan_fail(&p->scan, scan_no_memory);
	memcpy(room, before.p, before.n);
	memcpy(room + before.n, value.p, value.n);
	room[before.n + value.n] = '\0';
	*s = slice_make(room, before.n + value.n);
	return true;
}

enum opened { OPENED, HIDDEN, PLAIN };

/*
 * Puts the value that the salts tell in place of the commitment in `s` and all
 * behind it.
 */
static enum opened
open_value(struct parse *p, struct slice *s)
{
	struct reader_record *r = p->r;
	enum salts_answer answer = SALTS_UNREADABLE;
	struct slice value;
	size_t at;

	if (s->n == 0 || !person_find(*s, &at))
		return PLAIN;
	if (r->salts != NULL)
		answer = salts_find(r->salts, p->day, slice_make(s->p + at + 1,
		    PERSON_HEX), &r->memory, &value);
	if (answer == SALTS_FOUND && join(p, slice_make(s->p, at), value, s))
		return OPENED;
	r->hidden |= 1U << answer;
	return HIDDEN;
}

/* HELO is told, but no rule asks for it. */
static void
open_facts(struct parse *p)
{
	for (const struct field *f = field_table(); f->name != NULL; f++) {
		if (f->person == PERSON_NOBODY ||
		    p->state[f->fact] != FACT_KNOWN)
			continue;
		switch (open_value(p, &p->value[f->fact])) {
		case OPENED:
			p->raw[f->fact] = true;
			break;
		case HIDDEN:
			p->r->blind |= f->fact != FACT_HELO;
			break;
		case PLAIN:
			break;
		}
	}
}

static void
open_recipients(struct parse *p)
{
	struct reader_record *r = p->r;

	for (size_t i = 0; i < r->nrcpts; i++) {
		r->blind |= open_value(p, &r->rcpts[i]) == HIDDEN;
		if (r->resolved != NULL)
			r->blind |= open_value(p, &r->resolved[i]) == HIDDEN;
	}
	for (size_t i = 0; i < r->nheader_from; i++)
		r->blind |= open_value(p, &r->header_from[i]) == HIDDEN;
}

/*
 * A private rule's "LINE KEY REQUIREMENT": takes the line off, which would name
 * the rule.
 */
static void
take_number(struct tag_result *rule)
{
	struct slice rest = rule->requirement, word;
	unsigned long number;

	if (!slice_next(&rest, ' ', &word) ||
	    !text_number(word, UINT32_MAX, &number))
		return;
	rule->line = (uint32_t)number;
	if (rest.n > rule->key.n && slice_equal(slice_make(rest.p,
	    rule->key.n), rule->key))
		rest = slice_from(rest, rule->key.n + 1);
	rule->requirement = rest;
}

/* A hidden rule is the same each day: "TLS_To:~@example.com". */
static void
open_rule(struct parse *p, struct tag_result *rule)
{
	size_t at = 0;

	(void)open_value(p, &rule->rcpt);
	if (open_value(p, &rule->key) == HIDDEN &&
	    person_find(rule->key, &at) &&
	    !join(p, slice_make(rule->key.p, at + 1), slice_from(rule->key,
	    at + PERSON_TOKEN), &rule->key))
		return;
	switch (open_value(p, &rule->requirement)) {
	case OPENED:
		take_number(rule);
		break;
	case HIDDEN:
		rule->requirement = slice_of("~");
		break;
	case PLAIN:
		break;
	}
}

/* A plan's rule is hidden as any other (record-plan.c), and opened as one. */
static void
open_plan(struct parse *p, struct record_plan *plan)
{
	struct tag_result rule = { .key = plan->key,
		.requirement = plan->requirement };

	open_rule(p, &rule);
	plan->key = rule.key;
	plan->requirement = rule.requirement;
}

bool
parse_open_people(struct parse *p)
{
	struct reader_record *r = p->r;
	struct reader_outbound *o = &r->outbound;

	if (!r->private)
		return true;
	open_facts(p);
	open_recipients(p);
	for (size_t i = 0; i < r->nrules; i++)
		open_rule(p, &r->rules[i]);
	open_plan(p, &r->plan);
	(void)open_value(p, &r->reply);
	(void)open_value(p, &r->would_reply);
	r->blind |= open_value(p, &o->query) == HIDDEN;
	(void)open_value(p, &o->answer);
	(void)open_value(p, &o->inexpressible);
	(void)open_value(p, &o->warned);
	(void)open_value(p, &o->resolver);
	return p->scan.error == NULL;
}
