/*
 * A table of pairs of places.  A name has one pair, and what is not found goes
 * to the place that was not hit last.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/facts/organisations.h"

enum { PAIRS = 1 << 14, BYTES = 94 };

struct place {
	unsigned char asked, told; /* lengths; asked 0: the place is free */
	char text[BYTES];	   /* one behind the other */
};

struct pair {
	struct place place[2]; /* the first is the one hit last */
};

struct organisations {
	struct pair pairs[PAIRS];
};

struct organisations *
organisations_new(void)
{
	return calloc(1, sizeof(struct organisations));
}

void
organisations_free(struct organisations *o)
{
	free(o);
}

static struct pair *
pair_of(struct organisations *o, struct slice name)
{
	return &o->pairs[slice_hash(name) % PAIRS];
}

static bool
is_in(const struct place *place, struct slice name)
{
	return place->asked == name.n &&
	    memcmp(place->text, name.p, name.n) == 0;
}

static void
put(struct place *place, struct slice name, struct slice told)
{
	place->asked = (unsigned char)name.n;
	place->told = (unsigned char)told.n;
	memcpy(place->text, name.p, name.n);
	memcpy(place->text + name.n, told.p, told.n);
}

void
organisations_find(struct organisations *o, struct slice name,
    struct text *out)
{
	size_t before = out->n;
	struct pair *pair;
	struct place hit;

	if (o == NULL || name.n == 0 || name.n > BYTES) {
		organisation_organisational(name, out);
		return;
	}
	pair = pair_of(o, name);
	if (is_in(&pair->place[0], name)) {
		text_put(out, slice_make(pair->place[0].text + name.n,
		    pair->place[0].told));
		return;
	}
	hit = pair->place[1];
	if (!is_in(&hit, name)) {
		organisation_organisational(name, out);
		if (out->cut || name.n + (out->n - before) > BYTES)
			return;
		put(&hit, name, slice_make(out->buf + before, out->n - before));
	} else {
		text_put(out, slice_make(hit.text + name.n, hit.told));
	}
	pair->place[1] = pair->place[0];
	pair->place[0] = hit;
}
