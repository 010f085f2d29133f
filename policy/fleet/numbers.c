/*
 * A link names the digest of the line before it, so a file that goes on from
 * another is known without computing any.  Torn bytes count in that digest:
 * behind them the numbers alone tell.
 */
#include <string.h>

#include "policy/fleet/numbers.h"

bool
numbers_goes_on(const struct numbers *n, const struct chain_link *link)
{
	return n->last > 0 && memcmp(n->head, link->previous, CHAIN_HEX) == 0;
}

void
numbers_take_over(struct numbers *to, const struct numbers *from)
{
	if (to->first == 0) {
		to->first = from->last + 1;
		to->first_us = from->time_us;
	}
	to->last = from->last;
	to->torn = from->torn;
	to->time_us = from->time_us;
	memcpy(to->head, from->head, CHAIN_HEX);
}

void
numbers_torn(struct numbers *n)
{
	n->torn = true;
}

static void
add_gap(struct numbers *n, const struct numbers_gap *gap)
{
	if (n->ngaps < NUMBERS_GAPS_MAX)
		n->gaps[n->ngaps++] = *gap;
	else
		n->gaps_left_out++;
	if (gap->before_us == 0 || gap->before_us >= n->latest.before_us)
		n->latest = *gap;
}

/* False: the number is none that comes behind the last one. */
static bool
follows(struct numbers *n, const struct chain_line *line,
    const struct chain_link *link, int64_t time_us)
{
	bool torn = n->torn || (link != NULL && link->torn > 0);

	if (n->last == 0) {
		n->first = line->seq;
		n->first_us = time_us;
		n->breaks += link == NULL;
	} else if (line->seq > n->last + 1) {
		n->missing += line->seq - n->last - 1;
		add_gap(n, &(struct numbers_gap){ n->last + 1, line->seq - 1,
		    n->time_us, time_us });
	} else if (line->seq <= n->last && link == NULL) {
		n->disorder++;
		return false;
	} else if (link != NULL && !torn && !numbers_goes_on(n, link)) {
		n->breaks++;
	}
	return true;
}

void
numbers_line(struct numbers *n, const struct chain_line *line,
    const struct chain_link *link, int64_t time_us)
{
	/* A stream begins anew with each start: nothing can be told of before. */
	if (link != NULL && n->last > 0 && line->seq == 1 &&
	    slice_is(link->why, "stream"))
		n->last = 0;
	if (!follows(n, line, link, time_us))
		return;
	n->last = line->seq;
	n->torn = false;
	if (time_us != 0)
		n->time_us = time_us;
	memcpy(n->head, line->hex.p, CHAIN_HEX);
}

void
numbers_sum(struct numbers *to, const struct numbers *n)
{
	if (n->first > 0 && (to->first == 0 || n->first < to->first)) {
		to->first = n->first;
		to->first_us = n->first_us;
	}
	if (n->last > to->last)
		to->last = n->last;
	for (size_t i = 0; i < n->ngaps; i++)
		add_gap(to, &n->gaps[i]);
	if (n->gaps_left_out > 0)
		to->latest = n->latest;
	to->gaps_left_out += n->gaps_left_out;
	to->missing += n->missing;
	to->breaks += n->breaks;
	to->disorder += n->disorder;
}
