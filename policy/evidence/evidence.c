/*
 * The records of a node come in the order of its chain.  So what says nothing of
 * the plan behind the node's first word of it has been missed, but for two
 * seconds: who was asked for the sender just before the daemon saw the plan may
 * be recorded just after somebody who was asked then.
 */
#include <stdlib.h>
#include <string.h>

#include "policy/evidence/evidence.h"
#include "policy/facts/organisation.h"
#include "policy/facts/spelling.h"

enum { BUCKETS = 1 << 16, CHUNK = 64 * 1024, DAY_S = 86400 };
enum { AT_ONCE_S = 2, AT_FIRST_S = 60 };
static const int64_t SECOND_US = 1000000;

bool
evidence_init(struct evidence *e, const struct plan *plan)
{
	memset(e, 0, sizeof *e);
	e->plan = *plan;
	arena_init(&e->memory, CHUNK);
	e->table = calloc(BUCKETS, sizeof *e->table);
	e->list = calloc(EVIDENCE_PARTNERS_MAX, sizeof *e->list);
	e->nodes = calloc(EVIDENCE_NODES_MAX, sizeof *e->nodes);
	e->day = calloc(2 * PLAN_DAYS_MAX / 8 + 1, 1);
	return e->table != NULL && e->list != NULL && e->nodes != NULL &&
	    e->day != NULL;
}

void
evidence_free(struct evidence *e)
{
	free(e->table);
	free(e->list);
	free(e->nodes);
	free(e->day);
	arena_free(&e->memory);
}

/* NULL: there are too many, or no memory. */
static struct evidence_node *
node_of(struct evidence *e, const struct reader_record *r)
{
	struct slice name = facts_value(&r->facts, FACT_NODE);
	struct evidence_node *node = e->nodes;

	for (size_t i = 0; i < e->nnodes; i++, node++)
		if (slice_equal(node->name, name))
			return node;
	if (e->nnodes == EVIDENCE_NODES_MAX) {
		e->crowded = true;
		return NULL;
	}
	node->name = arena_copy(&e->memory, name);
	if (node->name.p == NULL)
		return NULL;
	e->nnodes++;
	return node;
}

static struct evidence_partner *
partner_of(struct evidence *e, const struct reader_record *r)
{
	struct evidence_partner **place, *partner;
	char buf[DOMAIN_TEXT_MAX];
	struct mailbox sender;
	size_t hash = 5381;
	struct text domain;

	spelling_sender(&r->facts, &sender);
	text_init(&domain, buf, sizeof buf);
	organisation_organisational(sender.domain.n > 0 ? sender.domain :
	    facts_value(&r->facts, FACT_CLIENT_NAME), &domain);
	for (size_t i = 0; i < domain.n; i++)
		hash = hash * 33 ^ (unsigned char)buf[i];
	place = &e->table[(hash ^ hash >> 16) % BUCKETS];
	for (; *place != NULL; place = &(*place)->next)
		if (slice_equal((*place)->name,
		    slice_make(buf, domain.n)))
			return *place;
	if (e->npartners == EVIDENCE_PARTNERS_MAX)
		return &e->rest;
	if ((partner = arena_alloc(&e->memory, sizeof *partner)) == NULL)
		return NULL;
	memset(partner, 0, sizeof *partner);
	partner->name = arena_copy(&e->memory, slice_make(buf, domain.n));
	if (partner->name.p == NULL)
		return NULL;
	e->npartners++;
	return *place = partner;
}

static enum verdict_kind
unspared(enum verdict_kind kind, enum waiver waiver, enum verdict_kind would)
{
	return waiver == WAIVER_MONITOR ? would : kind;
}

/* The outcome under each of the two policies. */
static void
both(const struct reader_record *r, enum verdict_kind *now,
    enum verdict_kind *then)
{
	enum verdict_kind told = unspared(r->verdict, r->waiver,
	    r->has_would ? r->would : r->verdict);
	enum verdict_kind other = unspared(r->plan.kind, r->plan.waiver,
	    r->plan.would);

	*now = r->plan.answered ? other : told;
	*then = r->plan.answered ? told : other;
}

static bool
keep_rule(struct evidence *e, struct evidence_partner *p,
    const struct reader_record *r)
{
	const struct tag_result *rule = r->plan.answered ?
	    reader_deciding_rule(r) : NULL;
	struct slice key = rule == NULL ? r->plan.key : rule->key;
	struct slice requirement = rule == NULL ? r->plan.requirement :
	    rule->requirement;

	p->reason = r->plan.answered ? r->reason : r->plan.reason;
	if (slice_equal(p->key, key) &&
	    slice_equal(p->requirement, requirement))
		return true;
	p->key = arena_copy(&e->memory, key);
	p->requirement = arena_copy(&e->memory, requirement);
	return p->key.p != NULL && p->requirement.p != NULL;
}

static bool
add_broken(struct evidence *e, struct evidence_partner *p,
    const struct reader_record *r, enum verdict_kind then)
{
	e->broken++;
	p->broken++;
	e->held += then == VERDICT_HOLD;
	if (r->plan.answered) {
		e->real++;
		p->real++;
	} else
		e->partly += r->plan.refused_rcpts > 0 &&
		    r->plan.refused_rcpts < r->nrcpts;
	if (p->first_broken_us == 0 || r->time_us < p->first_broken_us)
		p->first_broken_us = r->time_us;
	if (r->time_us < p->last_broken_us)
		return true;
	p->last_broken_us = r->time_us;
	return keep_rule(e, p, r);
}

static bool
add_judged(struct evidence *e, struct evidence_partner *p,
    const struct reader_record *r)
{
	int64_t day = (r->time_us / SECOND_US - e->plan.started) / DAY_S;
	enum verdict_kind now, then;

	e->judged++;
	p->judged++;
	e->answered += r->plan.answered;
	if (day >= 0 && day < 2 * PLAN_DAYS_MAX &&
	    (e->day[day / 8] & 1 << day % 8) == 0) {
		e->day[day / 8] |= (unsigned char)(1 << day % 8);
		e->days++;
	}
	if (e->first_us == 0 || r->time_us < e->first_us)
		e->first_us = r->time_us;
	if (r->time_us > e->last_us)
		e->last_us = r->time_us;
	if (r->plan.result != RECORD_PLAN_DIFFERS)
		return true;
	both(r, &now, &then);
	if (verdict_refuses(now) && !verdict_refuses(then))
		e->freed++;
	else if (now == VERDICT_ACCEPT && then != VERDICT_ACCEPT)
		return add_broken(e, p, r, then);
	else if (!verdict_refuses(now) && verdict_refuses(then))
		return add_broken(e, p, r, then);
	return true;
}

/*
 * A record without the plan.  The node's first word of the plan may come later.
 */
static void
add_without(struct evidence *e, struct evidence_node *node,
    const struct reader_record *r)
{
	if (node->begun_us == 0) {
		node->without += r->time_us >=
		    (e->plan.started + AT_FIRST_S) * SECOND_US;
		return;
	}
	if (r->time_us < node->begun_us + AT_ONCE_S * SECOND_US)
		return;
	node->missed++;
	e->missed++;
}

/* One without an id is of whichever there was: not of one that was made later. */
static bool
is_of_plan(const struct evidence *e, const struct reader_record *r)
{
	return r->plan.result != RECORD_PLAN_NONE &&
	    (r->plan.id == e->plan.id || (r->plan.id == 0 &&
	    r->time_us >= e->plan.started * SECOND_US));
}

bool
evidence_add(struct evidence *e, const struct reader_record *r)
{
	struct evidence_node *node;
	struct evidence_partner *p;

	if (r->maillog || r->event == RECORD_ABORTED)
		return true;
	if ((p = partner_of(e, r)) == NULL || (node = node_of(e, r)) == NULL)
		return false;
	if (r->time_us > p->last_us)
		p->last_us = r->time_us;
	if (!is_of_plan(e, r)) {
		/*
		 * The plan is known to the second: a record within it is not
		 * before.
		 */
		if (r->time_us < (e->plan.started + 1) * SECOND_US)
			p->before += r->event == RECORD_MESSAGE;
		else
			add_without(e, node, r);
		return true;
	}
	if (node->begun_us == 0 || r->time_us < node->begun_us)
		node->begun_us = r->time_us;
	if (r->time_us > node->last_us)
		node->last_us = r->time_us;
	if (r->plan.result == RECORD_PLAN_UNJUDGED) {
		node->unjudged++;
		e->unjudged++;
		return true;
	}
	node->judged++;
	return add_judged(e, p, r);
}

static int
most_broken(const void *pa, const void *pb)
{
	const struct evidence_partner *a = *(struct evidence_partner *const *)pa;
	const struct evidence_partner *b = *(struct evidence_partner *const *)pb;

	if (a->broken != b->broken)
		return a->broken > b->broken ? -1 : 1;
	if (a->before != b->before)
		return a->before > b->before ? -1 : 1;
	return slice_compare(a->name, b->name);
}

/* `list` NULL: how many there are. */
static size_t
choose(const struct evidence *e, bool broken, struct evidence_partner **list)
{
	size_t n = 0;

	for (size_t i = 0; i < BUCKETS; i++)
		for (struct evidence_partner *p = e->table[i]; p != NULL;
		    p = p->next) {
			if (broken ? p->broken == 0 : p->before == 0 ||
			    p->judged > 0)
				continue;
			if (list != NULL)
				list[n] = p;
			n++;
		}
	if (list != NULL && n > 0)
		qsort(list, n, sizeof *list, most_broken);
	return n;
}

size_t
evidence_broken(const struct evidence *e, struct evidence_partner **list)
{
	return choose(e, true, list);
}

size_t
evidence_unseen(const struct evidence *e, struct evidence_partner **list)
{
	return choose(e, false, list);
}
