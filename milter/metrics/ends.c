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

void
ends_watch(struct ends *e, struct store_holder *h, int64_t now_us)
{
	struct ends_numbers numbers;
	int32_t today = (int32_t)(now_us / 1000000 / DAY_S);
	struct looking l = { &numbers, today, true };
	unsigned opened = h->opened, tries = 0;
	bool read = false, looked = false, good = false;
	struct store_reader reader;
	struct fault fault;

	while (!read && store_holder_begin(h, &tries, &reader, &fault)) {
		looked = !e->known || e->generation != reader.info.generation ||
		    e->opened != opened || e->day != today;
		if (looked) {
			memset(&numbers, 0, sizeof numbers);
			e->generation = reader.info.generation;
			e->opened = opened;
			e->day = today;
			l.good = true;
			good = store_each(&reader, look_at, &l) && l.good;
		}
		read = store_holder_end(h, &reader);
	}
	if (!read) {
		memset(&numbers, 0, sizeof numbers);
		put(e, false, &numbers);
	} else if (looked)
		put(e, good, &numbers);
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
