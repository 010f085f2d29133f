/*
 * Whatever would make a line ask for less than its profile does is a fault, not
 * a matter of which comes first: 300 lines are changed by one.
 */
#include "policy/facts/suite.h"
#include "policy/rules/item.h"
#include "policy/rules/profile.h"

static const struct item *
find(const struct requirement *r, const struct item_row *row)
{
	for (unsigned i = 0; i < r->nitems; i++)
		if (r->items[i].row == row)
			return &r->items[i];
	return NULL;
}

/* The fault is about all of the requirement. */
static bool
at_start(bool result, struct fault *fault)
{
	fault->column = 1;
	return result;
}

static bool
refuse(const struct requirement *line, const struct item *item,
    const char *why, struct fault *fault)
{
	fault_set(fault, FAULT_DATA, "found %s beside AS:%.*s; expected %s",
	    item->row->name, SLICE_ARG(line->profile), why);
	fault->column = item->offset + 1;
	return false;
}

/*
 * Items that are idle beside the other's: a lower VER, and one without value
 * given twice.
 */
static bool
is_idle(const struct item *item, const struct requirement *other, bool second)
{
	const struct item *its = find(other, item->row);

	if (its == NULL || item->row->test == NULL)
		return false;
	if (item->row->id == ITEM_VER)
		return second ? suite_protocol(item->value) <=
		    suite_protocol(its->value) : suite_protocol(item->value) <
		    suite_protocol(its->value);
	return second && item->row->value == VALUE_NONE;
}

static bool
add(struct requirement *joined, const struct item *item, struct fault *fault)
{
	if (joined->nitems == REQUIREMENT_ITEMS_MAX)
		return at_start(fault_set(fault, FAULT_DATA, "found more than "
		    "%d items with those of Profile:%.*s; expected at most "
		    "that many", REQUIREMENT_ITEMS_MAX,
		    SLICE_ARG(joined->profile)), fault);
	joined->items[joined->nitems++] = *item;
	return true;
}

/*
 * Adds the items of `r` that count beside `other`; MSG takes the rest, so it
 * comes last.
 */
static bool
add_items(struct requirement *joined, const struct requirement *r,
    const struct requirement *other, bool second, bool last,
    struct fault *fault)
{
	for (unsigned i = 0; i < r->nitems; i++) {
		const struct item *item = &r->items[i];
		bool note = item->row->id == ITEM_BY ||
		    item->row->id == ITEM_MSG;

		if (item->row->last != last || is_idle(item, other, second) ||
		    (note && !second && find(other, item->row) != NULL))
			continue;
		if (!add(joined, item, fault))
			return false;
	}
	return true;
}

static bool
check(const struct requirement *line, const struct requirement *profile,
    enum tag tag, struct fault *fault)
{
	bool outbound = tag_row(tag)->stage == STAGE_OUTBOUND;

	for (unsigned i = 0; i < line->nitems; i++)
		if (item_is_alternative(line->items[i].row, false) &&
		    find(profile, line->items[i].row) != NULL)
			return refuse(line, &line->items[i], "it in one of "
			    "the two lines only, as any one of several would "
			    "do", fault);
	if (!outbound && (profile->need == NEED_DANE ||
	    profile->need == NEED_DANE_MAY))
		return at_start(fault_set(fault, FAULT_DATA, "found AS:%.*s, "
		    "which asks for DANE; expected a profile that is not "
		    "only for TLS_Srv and TLS_Rcpt",
		    SLICE_ARG(line->profile)), fault);
	for (unsigned i = 0; outbound && i < profile->nitems; i++)
		if (profile->items[i].row->inbound)
			return at_start(fault_set(fault, FAULT_DATA, "found "
			    "AS:%.*s, which has %s; expected a profile "
			    "without it, as %s is about mail that leaves",
			    SLICE_ARG(line->profile),
			    profile->items[i].row->name, tag_row(tag)->name),
			    fault);
	return true;
}

static bool
is_short(const struct requirement *joined, struct fault *fault)
{
	char buf[REQUIREMENT_TEXT_MAX + 1];
	struct text text;

	text_init(&text, buf, sizeof buf);
	requirement_print(joined, &text);
	if (!text.cut)
		return true;
	return at_start(fault_set(fault, FAULT_DATA, "found more than %d "
	    "bytes with those of Profile:%.*s; expected at most that many",
	    REQUIREMENT_TEXT_MAX, SLICE_ARG(joined->profile)), fault);
}

bool
profile_join(struct requirement *line, const struct requirement *profile,
    enum tag tag, struct fault *fault)
{
	struct requirement joined = *line;

	if (!check(line, profile, tag, fault))
		return false;
	joined.class = profile->class;
	joined.need = profile->need;
	joined.has_bits = profile->has_bits;
	joined.bits = profile->bits;
	if (joined.by.n == 0)
		joined.by = profile->by;
	if (joined.msg.n == 0)
		joined.msg = profile->msg;
	joined.nitems = 0;
	if (!add_items(&joined, profile, line, false, false, fault) ||
	    !add_items(&joined, line, profile, true, false, fault) ||
	    !add_items(&joined, profile, line, false, true, fault) ||
	    !add_items(&joined, line, profile, true, true, fault) ||
	    !is_short(&joined, fault))
		return false;
	*line = joined;
	return true;
}
