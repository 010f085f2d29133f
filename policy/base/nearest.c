/* Three rows of the usual matrix; words longer than a row are never near. */
#include <string.h>

#include "policy/base/nearest.h"

enum { NEAREST_WORD_MAX = 40 };

static unsigned
least(unsigned a, unsigned b, unsigned c)
{
	unsigned low = a < b ? a : b;

	return low < c ? low : c;
}

static unsigned
distance(struct slice a, struct slice b)
{
	unsigned rows[3][NEAREST_WORD_MAX + 1];
	unsigned *before = rows[0], *above = rows[1], *row = rows[2];

	for (size_t j = 0; j <= b.n; j++)
		above[j] = (unsigned)j;
	for (size_t i = 1; i <= a.n; i++) {
		unsigned *spare = before;

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= b.n; j++) {
			bool same = text_lower(a.p[i - 1]) ==
			    text_lower(b.p[j - 1]);

			row[j] = least(above[j] + 1, row[j - 1] + 1,
			    above[j - 1] + (same ? 0 : 1));
			if (i > 1 && j > 1 &&
			    text_lower(a.p[i - 1]) == text_lower(b.p[j - 2]) &&
			    text_lower(a.p[i - 2]) == text_lower(b.p[j - 1]))
				row[j] = least(row[j], row[j],
				    before[j - 2] + 1);
		}
		before = above;
		above = row;
		row = spare;
	}
	return above[b.n];
}

void
nearest_init(struct nearest *n, struct slice wanted)
{
	n->wanted = wanted;
	n->word = slice_make(NULL, 0);
	/* A third of the letters may be wrong; one in a very short word. */
	n->distance = (unsigned)(wanted.n < 4 ? 1 : wanted.n / 3) + 1;
}

void
nearest_offer(struct nearest *n, struct slice word)
{
	unsigned d;

	if (n->wanted.n == 0 || n->wanted.n > NEAREST_WORD_MAX || word.n > NEAREST_WORD_MAX)
		return;
	d = distance(n->wanted, word);
	if (d < n->distance) {
		n->distance = d;
		n->word = word;
	}
}

void
nearest_print(const struct nearest *n, struct text *out)
{
	if (n->word.n > 0)
		text_printf(out, ", did you mean %.*s?", SLICE_ARG(n->word));
}
