/* Answers are kept by the domain that was asked for, ".example.com" with dot. */
#include <stdlib.h>

#include "policy/audit/asked.h"
#include "policy/base/domain.h"
#include "policy/report/told.h"

enum { CHUNK = 64 * 1024 };

struct told_answer {
	struct slice name; /* ".example.com": what is below it */
	int64_t time_us;
	enum told_demand demand;
	struct slice words;
};

void
told_init(struct told *t)
{
	memset(t, 0, sizeof *t);
	arena_init(&t->memory, CHUNK);
}

void
told_free(struct told *t)
{
	free(t->answers);
	arena_free(&t->memory);
}

/* The first word of Postfix's answer is a level. */
static enum told_demand
demand_of_level(struct slice answer)
{
	static const struct {
		const char *level;
		enum told_demand demand;
	} levels[] = {
		{ "encrypt", TOLD_TLS }, { "fingerprint", TOLD_MATCHED },
		{ "dane-only", TOLD_MATCHED }, { "verify", TOLD_MATCHED },
		{ "secure", TOLD_MATCHED },
	};
	struct slice word = slice_make(answer.p, slice_find(answer, ' '));

	for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++)
		if (slice_is_nocase(word, levels[i].level))
			return levels[i].demand;
	return TOLD_NOTHING;
}

/* sendmail's answer is a requirement. */
static enum told_demand
demand_of_rule(struct slice answer)
{
	struct requirement r;
	struct fault f;

	if (!requirement_parse(answer, TAG_RCPT, &r, &f))
		return TOLD_NOTHING;
	return r.need == NEED_VERIFY ? TOLD_VERIFIED :
	    r.need == NEED_ENCR && r.bits > 0 ? TOLD_TLS : TOLD_NOTHING;
}

/*
 * Where the answer was that nothing may leave, nothing should leave in clear
 * either; in mode monitor the answer was recorded, and not told.
 */
static enum told_demand
demand_of(const struct reader_record *r)
{
	const struct reader_outbound *o = &r->outbound;
	enum outbound_map map;

	if (r->monitor)
		return TOLD_NOTHING;
	if (slice_is(o->result, "refused") || slice_is(o->result, "failed"))
		return TOLD_TLS;
	return outbound_map_by_name(o->map, &map) && map == OUTBOUND_SENDMAIL ?
	    demand_of_rule(o->answer) : demand_of_level(o->answer);
}

static void
lower(struct slice name, char *buf)
{
	for (size_t i = 0; i < name.n; i++)
		buf[i] = (char)text_lower(name.p[i]);
}

bool
told_add(struct told *t, const struct reader_record *r)
{
	const struct asked asked = asked_about(&r->outbound);
	size_t dot = asked.below, n = dot + asked.name.n;
	char buf[DOMAIN_TEXT_MAX + 1];
	struct told_answer *a;

	/* An answer for a host is not kept: the host may serve many domains. */
	if (asked.host || asked.name.n == 0 || n > sizeof buf)
		return true;
	if (t->n == t->allocated) {
		size_t more = 2 * t->allocated + 64;

		a = reallocarray(t->answers, more, sizeof *a);
		if (a == NULL)
			return false;
		t->answers = a;
		t->allocated = more;
	}
	buf[0] = '.';
	lower(asked.name, buf + dot);
	a = &t->answers[t->n++];
	a->name = arena_copy(&t->memory, slice_make(buf, n));
	a->time_us = r->time_us;
	a->demand = demand_of(r);
	a->words = r->monitor ? slice_make("", 0) :
	    arena_copy(&t->memory, r->outbound.answer);
	return a->name.p != NULL && a->words.p != NULL;
}

static int
compare(const void *pa, const void *pb)
{
	const struct told_answer *a = pa, *b = pb;
	int order = slice_compare(a->name, b->name);

	return order != 0 ? order :
	    (a->time_us > b->time_us) - (a->time_us < b->time_us);
}

void
told_sort(struct told *t)
{
	if (t->n > 0)
		qsort(t->answers, t->n, sizeof *t->answers, compare);
}

/* The last one for this name at that time; NULL: none. */
static const struct told_answer *
find(const struct told *t, struct slice name, int64_t time_us)
{
	const struct told_answer wanted = { .name = name, .time_us = time_us };
	size_t low = 0, high = t->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare(&t->answers[middle], &wanted) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 && slice_equal(t->answers[low - 1].name, name) ?
	    &t->answers[low - 1] : NULL;
}

/* The answer for this domain, or for its next parent that has one. */
static const struct told_answer *
find_above(const struct told *t, struct slice domain, int64_t time_us)
{
	const struct told_answer *a;
	char buf[DOMAIN_TEXT_MAX];

	if (domain.n > sizeof buf)
		return NULL;
	lower(domain, buf);
	domain.p = buf;
	a = find(t, domain, time_us);
	for (size_t i = 1; a == NULL && i < domain.n; i++)
		if (domain.p[i] == '.')
			a = find(t, slice_from(domain, i), time_us);
	return a;
}

enum told_demand
told_demand(const struct told *t, struct slice domain, int64_t time_us)
{
	const struct told_answer *a = find_above(t, domain, time_us);

	return a != NULL ? a->demand : TOLD_NOTHING;
}

struct slice
told_words(const struct told *t, struct slice domain, int64_t time_us)
{
	const struct told_answer *a = find_above(t, domain, time_us);

	return a != NULL ? a->words : slice_make("", 0);
}
