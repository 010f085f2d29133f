/*
 * Only lines that are marked as dated are parsed.  When the look fails nothing
 * is known, and the next one comes in a second.
 */
#include <string.h>

#include "milter/metrics/ends.h"

enum { DAY_S = 86400 };

struct looking {
	struct ends_numbers *numbers;
	int32_t today;
	bool good;
};

static bool
look_at(void *arg, const struct stored_rule *rule)
{
	struct looking *l = arg;
	struct ends_numbers *n = l->numbers;
	struct requirement requirement;
	struct fault fault;
	struct key key;
	int64_t end;

	if ((rule->flags & RULE_DATED) == 0)
		return true;
	l->good = key_parse(rule->key, &key, &fault) &&
	    requirement_parse(rule->requirement, key.tag, &requirement, &fault);
	if (!l->good || requirement.until == DAY_ALWAYS_UNTIL)
		return l->good;
	end = ((int64_t)requirement.until + 1) * DAY_S;
	if (requirement.until < l->today) {
		n->ended++;
		return true;
	}
	n->ending += requirement.until < l->today + ENDS_SOON_DAYS;
	if (n->next == 0 || end < n->next)
		n->next = end;
	return true;
}

void
ends_init(struct ends *e)
{
	pthread_mutex_init(&e->lock, NULL);
	e->known = false;
}

static void
put(struct ends *e, bool known, const struct ends_numbers *numbers)
{
	pthread_mutex_lock(&e->lock);
	e->known = known;
	e->numbers = *numbers;
	pthread_mutex_unlock(&e->lock);
}

struct watching {
	struct ends *ends;
	unsigned opened;
	int32_t today;
	bool looked;
	struct ends_numbers numbers;
	bool good;
};

static void
look(void *arg, struct store_reader *reader)
{
	struct watching *w = arg;
	struct ends *e = w->ends;
	struct looking l = { &w->numbers, w->today, true };

	w->looked = !e->known || e->generation != reader->info.generation ||
	    e->opened != w->opened || e->day != w->today;
	if (!w->looked)
		return;
	memset(&w->numbers, 0, sizeof w->numbers);
	e->generation = reader->info.generation;
	e->opened = w->opened;
	e->day = w->today;
	w->good = store_each(reader, look_at, &l) && l.good;
}

void
ends_watch(struct ends *e, struct store_holder *h, int64_t now_us)
{
	struct watching w = { .ends = e, .opened = h->opened,
		.today = (int32_t)(now_us / 1000000 / DAY_S) };
	struct fault fault;

	if (!store_holder_ask(h, look, &w, &fault)) {
		memset(&w.numbers, 0, sizeof w.numbers);
		put(e, false, &w.numbers);
	} else if (w.looked)
		put(e, w.good, &w.numbers);
}

bool
ends_read(struct ends *e, struct ends_numbers *numbers)
{
	bool known;

	pthread_mutex_lock(&e->lock);
	known = e->known;
	*numbers = e->numbers;
	pthread_mutex_unlock(&e->lock);
	return known;
}
