/* Dates as numbers of days, in the proleptic Gregorian calendar, UTC. */
#include "policy/rules/requirement.h"

static bool
leap(unsigned long year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static unsigned long
days_in_month(unsigned long year, unsigned long month)
{
	static const unsigned char days[] = { 31, 28, 31, 30, 31, 30, 31, 31,
		30, 31, 30, 31 };

	return month == 2 && leap(year) ? 29 : days[month - 1];
}

/* Days from 1970-01-01 to the first of January of `year`. */
static long
days_before_year(unsigned long year)
{
	long y = (long)year - 1;

	return y * 365 + y / 4 - y / 100 + y / 400 - 719162;
}

bool
day_parse(struct slice s, int32_t *day)
{
	unsigned long y, m, d, days;

	if (s.n != 10 || s.p[4] != '-' || s.p[7] != '-' ||
	    !text_number(slice_make(s.p, 4), 9999, &y) || y < 1970 ||
	    !text_number(slice_make(s.p + 5, 2), 12, &m) || m == 0 ||
	    !text_number(slice_make(s.p + 8, 2), 31, &d) || d == 0 ||
	    d > days_in_month(y, m))
		return false;
	days = d - 1;
	for (unsigned long before = 1; before < m; before++)
		days += days_in_month(y, before);
	*day = (int32_t)(days_before_year(y) + (long)days);
	return true;
}

void
day_print(int32_t day, struct text *out)
{
	unsigned long year = 1970, month = 1;
	long left = day;

	while (left >= (leap(year) ? 366 : 365))
		left -= leap(year++) ? 366 : 365;
	while (left >= (long)days_in_month(year, month))
		left -= (long)days_in_month(year, month++);
	text_printf(out, "%04lu-%02lu-%02ld", year, month, left + 1);
}
