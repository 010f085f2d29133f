/*
 * A set is one allocation: places of names and values, then the bytes.
 */
#include <stdlib.h>
#include <string.h>

#include "milter/engine/packet.h"
#include "milter/engine/symbols.h"

struct symbols_set {
	size_t bytes;
	unsigned n;
	struct {
		const char *name, *value;
	} macro[];
};

/* How many macros these bytes are; false: they are none. */
static bool
count(struct slice bytes, unsigned *n)
{
	const char *name, *value;

	for (*n = 0; bytes.n > 0; ++*n)
		if (*n >= SYMBOLS_MAX || !packet_string(&bytes, &name) ||
		    !packet_string(&bytes, &value))
			return false;
	return true;
}

static void
fill(struct symbols_set *set, struct slice bytes)
{
	for (unsigned i = 0; i < set->n; i++)
		if (!packet_string(&bytes, &set->macro[i].name) ||
		    !packet_string(&bytes, &set->macro[i].value))
			break;
}

enum symbols_taken
symbols_take(struct symbols *s, enum symbols_stage stage, struct slice bytes)
{
	struct symbols_set *set;
	size_t places;
	unsigned n;

	if (bytes.n > SYMBOLS_BYTES_MAX || !count(bytes, &n))
		return SYMBOLS_BAD;
	places = sizeof *set + n * sizeof set->macro[0];
	set = malloc(places + bytes.n);
	if (set == NULL)
		return SYMBOLS_NO_MEMORY;
	set->bytes = places + bytes.n;
	set->n = n;
	if (bytes.n > 0)
		memcpy((char *)set + places, bytes.p, bytes.n);
	fill(set, slice_make((char *)set + places, bytes.n));
	free(s->of[stage]);
	s->of[stage] = set;
	return SYMBOLS_TAKEN;
}

size_t
symbols_bytes(const struct symbols *s)
{
	size_t bytes = 0;

	for (unsigned i = 0; i < SYMBOLS_STAGES; i++)
		bytes += s->of[i] == NULL ? 0 : s->of[i]->bytes;
	return bytes;
}

void
symbols_forget(struct symbols *s, enum symbols_stage from)
{
	for (unsigned i = from; i < SYMBOLS_STAGES; i++) {
		free(s->of[i]);
		s->of[i] = NULL;
	}
}

/* {x} is x; longer names have their braces. */
static struct slice
bare(const char *name)
{
	size_t n = strlen(name);

	return n == 3 && name[0] == '{' && name[2] == '}' ?
	    slice_make(name + 1, 1) : slice_make(name, n);
}

const char *
symbols_find(const struct symbols *s, const char *name)
{
	struct slice wanted = bare(name);

	for (unsigned i = SYMBOLS_STAGES; i-- > 0;) {
		const struct symbols_set *set = s->of[i];

		for (unsigned k = 0; set != NULL && k < set->n; k++) {
			const char *there = set->macro[k].name;

			if (wanted.n > 1 ? strcmp(there, name) == 0 :
			    slice_equal(bare(there), wanted))
				return set->macro[k].value;
		}
	}
	return NULL;
}
