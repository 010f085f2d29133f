/*
 * To add an item: its row here, and, where it looks at something new, what
 * point.c makes of it.  t/261-claims.c names an item that has no row.
 */
#include <string.h>

#include "policy/facts/suite.h"
#include "policy/prove/threshold.h"

static const enum prove_dimension rows[ITEM_COUNT] = {
	[ITEM_CN] = DIMENSION_CN,
	[ITEM_CS] = DIMENSION_CS,
	[ITEM_CI] = DIMENSION_CI,
	[ITEM_CITAG] = DIMENSION_CITAG,
	[ITEM_ICN] = DIMENSION_ICN,
	[ITEM_FP] = DIMENSION_FP,
	[ITEM_PKFP] = DIMENSION_PKFP,
	[ITEM_VER] = DIMENSION_VERSION,
	[ITEM_AUTHENTICATED] = DIMENSION_SUITE,
	[ITEM_PFS] = DIMENSION_SUITE,
	[ITEM_AEAD] = DIMENSION_SUITE,
	[ITEM_CIPHER] = DIMENSION_CIPHER,
	[ITEM_CLIENT] = DIMENSION_CLIENT,
	[ITEM_WHEN] = DIMENSION_CLIENT,
	[ITEM_FROM] = DIMENSION_DAY,
	[ITEM_UNTIL] = DIMENSION_DAY,
	[ITEM_BY] = DIMENSION_NONE,
	[ITEM_MSG] = DIMENSION_NONE,
};

enum prove_dimension
prove_threshold_of(enum item_id id)
{
	return rows[id];
}

bool
prove_threshold_is_limited(const struct requirement *r)
{
	for (unsigned i = 0; i < r->nitems; i++)
		switch (rows[r->items[i].row->id]) {
		case DIMENSION_UNKNOWN:
		case DIMENSION_DAY:
			return true;
		default:
			break;
		}
	return r->nwhen > 0;
}

static void
add_value(struct prove_threshold *t, enum prove_dimension dimension,
    struct slice value)
{
	struct prove_values *values = &t->values[dimension];

	for (unsigned i = 0; i < values->n; i++)
		if (slice_equal(values->value[i], value))
			return;
	if (values->n == THRESHOLD_VALUES_MAX)
		t->beyond = true;
	else
		values->value[values->n++] = value;
}

/* "At least 0" says nothing. */
static void
add_bits(struct prove_threshold *t, unsigned bits)
{
	unsigned at = 0;

	while (at < t->nbits && t->bits[at] < bits)
		at++;
	if (bits == 0 || (at < t->nbits && t->bits[at] == bits))
		return;
	if (t->nbits == THRESHOLD_VALUES_MAX) {
		t->beyond = true;
		return;
	}
	memmove(&t->bits[at + 1], &t->bits[at],
	    (t->nbits++ - at) * sizeof t->bits[0]);
	t->bits[at] = bits;
}

static void
add_day(struct prove_threshold *t, int32_t day)
{
	unsigned at = 0;

	while (at < t->ndays && t->days[at] < day)
		at++;
	if (at < t->ndays && t->days[at] == day)
		return;
	if (t->ndays == THRESHOLD_VALUES_MAX) {
		t->beyond = true;
		return;
	}
	memmove(&t->days[at + 1], &t->days[at],
	    (t->ndays++ - at) * sizeof t->days[0]);
	t->days[at] = day;
}

static void
add_condition(struct prove_threshold *t, const struct claim_condition *c)
{
	switch (c->weakness) {
	case WEAK_BITS:
		add_bits(t, c->number);
		break;
	case WEAK_VERSION:
		t->versions |= 1U << c->number;
		break;
	case WEAK_NO_PFS:
	case WEAK_NO_AEAD:
	case WEAK_ANONYMOUS:
		t->authenticated = true;
		t->pfs = t->pfs || c->weakness == WEAK_NO_PFS;
		t->aead = t->aead || c->weakness == WEAK_NO_AEAD;
		break;
	case WEAK_CLEAR:
	case WEAK_UNVERIFIED:
	case WEAK_COUNT:
		break;
	}
}

void
prove_threshold_start(struct prove_threshold *t, const struct claim *claim)
{
	for (int i = 0; i < DIMENSION_COUNT; i++)
		t->values[i].n = 0;
	t->nbits = t->ndays = t->versions = 0;
	t->peer_name = t->authenticated = t->pfs = t->aead = t->beyond = false;
	t->clients = false;
	t->unknown = ITEM_COUNT;
	add_day(t, claim->first);
	for (unsigned i = 0; i < claim->nconditions; i++)
		add_condition(t, &claim->condition[i]);
}

static void
add_item(struct prove_threshold *t, const struct item *item)
{
	enum item_id id = item->row->id;

	switch (rows[id]) {
	case DIMENSION_UNKNOWN:
		t->unknown = id;
		break;
	case DIMENSION_CN:
		t->peer_name = t->peer_name || item->value.n == 0;
		/* FALLTHROUGH */
	case DIMENSION_ICN:
	case DIMENSION_CS:
	case DIMENSION_CI:
	case DIMENSION_FP:
	case DIMENSION_PKFP:
	case DIMENSION_CITAG:
	case DIMENSION_CIPHER:
		add_value(t, rows[id], item->value);
		break;
	case DIMENSION_VERSION:
		t->versions |= 1U << suite_protocol(item->value);
		break;
	case DIMENSION_SUITE:
		t->authenticated = true;
		t->pfs = t->pfs || id == ITEM_PFS;
		t->aead = t->aead || id == ITEM_AEAD;
		break;
	case DIMENSION_CLIENT:
		t->clients = true;
		break;
	case DIMENSION_DAY:
	case DIMENSION_NONE:
	case DIMENSION_COUNT:
		break;
	}
}

bool
prove_threshold_add(struct prove_threshold *t, enum tag tag,
    struct slice requirement, struct fault *fault)
{
	struct requirement r;

	if (!requirement_parse(requirement, tag, &r, fault))
		return false;
	if (r.has_bits)
		add_bits(t, r.bits);
	if (r.from != DAY_ALWAYS_FROM)
		add_day(t, r.from);
	if (r.until != DAY_ALWAYS_UNTIL)
		add_day(t, r.until + 1);
	for (unsigned i = 0; i < r.nitems; i++)
		add_item(t, &r.items[i]);
	return true;
}
