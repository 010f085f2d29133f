/* Strings of the log, kept at a length that people read. */
#include <stdlib.h>
#include <string.h>

#include "policy/report/report-internal.h"

enum { COPY_MAX = 240 };

char *
report_copy(struct slice s)
{
	size_t n = s.n > COPY_MAX ? COPY_MAX : s.n;
	char *copy;

	/* Not in the middle of a character of UTF-8. */
	while (n < s.n && n > 0 && ((unsigned char)s.p[n] & 0xc0) == 0x80)
		n--;
	copy = malloc(n + sizeof "...");
	if (copy == NULL)
		return NULL;
	memcpy(copy, s.p == NULL ? "" : s.p, n);
	strcpy(copy + n, n < s.n ? "..." : "");
	return copy;
}

bool
report_is_copy(const char *copy, struct slice s)
{
	return s.n <= COPY_MAX && slice_is(s, copy);
}
