/*
 * Written out rather than built on <ctype.h> and <string.h>'s case functions:
 * those follow the locale, and a policy must mean the same on every machine.
 */
#include "policy/base/slice.h"

int
slice_compare(struct slice a, struct slice b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int order = n == 0 ? 0 : memcmp(a.p, b.p, n);

	return order != 0 ? order : (a.n > b.n) - (a.n < b.n);
}

uint64_t
slice_hash(struct slice s)
{
	uint64_t h = UINT64_C(14695981039346656037);

	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)s.p[i]) * UINT64_C(1099511628211);
	return h ^ h >> 32;
}

bool
slice_equal(struct slice a, struct slice b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool
slice_equal_nocase(struct slice a, struct slice b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (text_lower(a.p[i]) != text_lower(b.p[i]))
			return false;
	return true;
}

bool
slice_is(struct slice s, const char *word)
{
	return slice_equal(s, slice_of(word));
}

bool
slice_is_word(struct slice s, const char *word)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == word[i] && word[i] != '\0')
			continue; /* most words are in lower case */
		if (word[i] == '\0' ||
		    text_lower(s.p[i]) != text_lower(word[i]))
			return false;
	}
	return word[s.n] == '\0';
}

bool
slice_starts_nocase(struct slice s, const char *prefix)
{
	size_t n = strlen(prefix);

	return s.n >= n && slice_equal_nocase(slice_make(s.p, n),
	    slice_make(prefix, n));
}

/* The eight bytes in lower case, none of which needs to be ASCII. */
static uint64_t
lower_word(uint64_t word)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	uint64_t low = word & 0x7f * ones;
	uint64_t from_a = low + (0x80 - 'A') * ones;
	uint64_t beyond_z = low + (0x7f - 'Z') * ones;
	uint64_t upper = from_a & ~beyond_z & ~word & 0x80 * ones;

	return word | upper >> 2;
}

char *
slice_copy_lower(char *to, struct slice s)
{
	uint64_t word;

	for (; s.n >= sizeof word; s = slice_from(s, sizeof word)) {
		memcpy(&word, s.p, sizeof word);
		word = lower_word(word);
		memcpy(to, &word, sizeof word);
		to += sizeof word;
	}
	for (size_t i = 0; i < s.n; i++)
		*to++ = (char)text_lower(s.p[i]);
	return to;
}

bool
slice_is_ascii(struct slice s)
{
	uint64_t all = 0, word;

	for (; s.n >= sizeof word; s = slice_from(s, sizeof word)) {
		memcpy(&word, s.p, sizeof word);
		all |= word;
	}
	for (size_t i = 0; i < s.n; i++)
		all |= (unsigned char)s.p[i];
	return (all & UINT64_C(0x8080808080808080)) == 0;
}

bool
slice_next(struct slice *rest, char c, struct slice *piece)
{
	size_t n = slice_find(*rest, c);

	if (rest->n == 0)
		return false;
	*piece = slice_make(rest->p, n);
	*rest = slice_from(*rest, n < rest->n ? n + 1 : n);
	return true;
}

bool
slice_next_of(struct slice *rest, const char *set, struct slice *piece)
{
	size_t n = 0;

	if (rest->n == 0)
		return false;
	while (n < rest->n && strchr(set, rest->p[n]) == NULL)
		n++;
	*piece = slice_make(rest->p, n);
	*rest = slice_from(*rest, n < rest->n ? n + 1 : n);
	return true;
}

struct slice
slice_trim(struct slice s)
{
	while (s.n > 0 && (text_is_blank(s.p[0]) || s.p[0] == '\r'))
		s = slice_from(s, 1);
	while (s.n > 0 &&
	    (text_is_blank(s.p[s.n - 1]) || s.p[s.n - 1] == '\r'))
		s.n--;
	return s;
}
