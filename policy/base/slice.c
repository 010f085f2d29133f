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
slice_is_nocase(struct slice s, const char *word)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == word[i] && word[i] != '\0')
			continue; /* as most are written */
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
