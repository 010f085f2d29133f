#include <stdint.h>
#include <string.h>

#include "policy/store/keysorder.h"

void
keysorder_init(struct keysorder *o, bool numbers)
{
	memset(o, 0, sizeof *o);
	o->numbers = numbers;
}

static uint64_t
number(struct slice key)
{
	size_t n = 0;

	memcpy(&n, key.p, sizeof n);
	return n;
}

static bool
is_below(const struct keysorder *o, struct slice a, struct slice b)
{
	return o->numbers ? number(a) < number(b) : slice_compare(a, b) < 0;
}

bool
keysorder_next(struct keysorder *o, struct slice key, bool leaf)
{
	if (o->numbers && (key.n != sizeof(size_t) || number(key) == 0))
		return false;
	if (o->last.p != NULL && !is_below(o, o->last, key))
		return false;
	if (!leaf) {
		o->least = key;
		return true;
	}
	if (o->least.p != NULL && is_below(o, key, o->least))
		return false;
	o->last = key;
	o->least.p = NULL;
	return true;
}
