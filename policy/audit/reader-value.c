/* Single values: words and times. */
#include "policy/audit/reader-internal.h"

bool
parse_word(struct parse *p, const char *(*name)(int), int n, int *value)
{
	struct scan *s = &p->scan;
	const char *at = s->p;
	struct slice word;

	if (!scan_string(s, &word))
		return false;
	for (int i = 0; i < n; i++)
		if (slice_is(word, name(i))) {
			*value = i;
			return true;
		}
	s->p = at;
	return scan_fail(s, "a word of tlspolicy-audit(5)");
}

bool
parse_word_or_null(struct parse *p, const char *(*name)(int), int n, int *value)
{
	struct slice none;

	*value = 0;
	return scan_peek(&p->scan) == '"' ? parse_word(p, name, n, value) :
	    scan_string_or_null(&p->scan, &none);
}

const char *
parse_waiver_word(int i)
{
	return waiver_name((enum waiver)i);
}

const char *
parse_verdict_word(int i)
{
	return verdict_name((enum verdict_kind)i);
}

const char *
parse_reason_word(int i)
{
	return i == REASON_NONE ? "" : reason_name((enum reason)i);
}

/* "2026-03-01" as a slice of digits and hyphens. */
static bool
number_at(struct slice s, size_t at, size_t n, unsigned long max,
    unsigned long *value)
{
	return at + n <= s.n && text_number(slice_make(s.p + at, n), max, value);
}

static bool
read_fraction(struct slice s, int64_t *us)
{
	int64_t unit = 100000;

	if (s.n < 3 || s.p[0] != '.' || s.p[s.n - 1] != 'Z')
		return slice_is(s, "Z");
	for (size_t i = 1; i < s.n - 1; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		*us += (s.p[i] - '0') * unit;
		unit /= 10;
	}
	return true;
}

bool
reader_time(struct slice s, int64_t *time_us)
{
	unsigned long hour, minute, second;
	int64_t fraction = 0;
	int32_t day;

	if (s.n < 10 || !day_parse(slice_make(s.p, 10), &day))
		return false;
	*time_us = (int64_t)day * 86400 * 1000000;
	if (s.n == 10)
		return true;
	if ((s.p[10] != 'T' && s.p[10] != 't') ||
	    !number_at(s, 11, 2, 23, &hour) || s.n < 20 || s.p[13] != ':' ||
	    !number_at(s, 14, 2, 59, &minute) || s.p[16] != ':' ||
	    !number_at(s, 17, 2, 60, &second) ||
	    !read_fraction(slice_from(s, 19), &fraction))
		return false;
	*time_us += (int64_t)(hour * 3600 + minute * 60 + second) * 1000000 +
	    fraction;
	return true;
}
