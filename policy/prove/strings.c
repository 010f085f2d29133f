/* Open addressing in a table that is never more than half full. */
#include <stdlib.h>
#include <string.h>

#include "policy/prove/strings.h"

enum { SLOTS_LEAST = 64, CHUNK = 16 * 1024 };

void
prove_strings_init(struct prove_strings *s)
{
	memset(s, 0, sizeof *s);
	arena_init(&s->memory, CHUNK);
}

void
prove_strings_free(struct prove_strings *s)
{
	arena_free(&s->memory);
	free(s->strings);
	free(s->slots);
}

static uint64_t
hash(struct slice s)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)s.p[i]) * UINT64_C(0x100000001b3);
	return h ^ h >> 29;
}

/* The slot that holds it, or the free one where it belongs. */
static uint32_t *
find(const struct prove_strings *s, struct slice string)
{
	uint64_t i = hash(string);

	for (;; i++) {
		uint32_t *slot = &s->slots[i & (s->nslots - 1)];

		if (*slot == 0 || slice_equal(s->strings[*slot - 1], string))
			return slot;
	}
}

static bool
grow(struct prove_strings *s)
{
	uint32_t nslots = s->nslots == 0 ? SLOTS_LEAST : 2 * s->nslots;
	struct slice *strings = realloc(s->strings,
	    nslots / 2 * sizeof *strings);
	uint32_t *slots;

	if (strings == NULL)
		return false;
	s->strings = strings;
	if ((slots = calloc(nslots, sizeof *slots)) == NULL)
		return false;
	free(s->slots);
	s->slots = slots;
	s->nslots = nslots;
	s->allocated = nslots / 2;
	for (uint32_t i = 0; i < s->n; i++)
		*find(s, s->strings[i]) = i + 1;
	return true;
}

bool
prove_strings_add(struct prove_strings *s, struct slice string,
    uint32_t *number, bool *is_new)
{
	uint32_t *slot;

	if (s->n == s->allocated && !grow(s))
		return false;
	slot = find(s, string);
	if ((*is_new = *slot == 0)) {
		struct slice copy = arena_copy(&s->memory, string);

		if (copy.p == NULL)
			return false;
		s->strings[s->n++] = copy;
		*slot = s->n;
	}
	*number = *slot - 1;
	return true;
}

bool
prove_strings_have(const struct prove_strings *s, struct slice string)
{
	return s->nslots > 0 && *find(s, string) != 0;
}
