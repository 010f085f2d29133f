/*
 * mktime(3) looks up the zone each time, which would be most of the work: its
 * answer is kept for the hour.
 */
#include <time.h>

#include "policy/base/text.h"
#include "policy/maillog/logtime.h"
#include "policy/rules/requirement.h"

#define SECOND_US INT64_C(1000000)
enum { DAY_SECONDS = 86400, HOUR_SECONDS = 3600, HALF_A_YEAR = 31 * 6 };

/* A calendar date and a time of day, as it is written. */
struct stamp {
	int year, month, day; /* month and day from 0 and 1 on */
	int second;	      /* of the day */
	int64_t fraction_us;
};

void
logtime_start(struct logtime *t, int64_t reference, int year)
{
	*t = (struct logtime){ .reference = reference, .year = year,
	    .day = -1 };
}

static bool
two_digits(const char *p, int max, int *value)
{
	if (p[0] < '0' || p[0] > '9' || p[1] < '0' || p[1] > '9')
		return false;
	*value = (p[0] - '0') * 10 + (p[1] - '0');
	return *value <= max;
}

/* "20:00:00", then a fraction if there is one. */
static bool
take_clock(struct slice *s, struct stamp *stamp)
{
	enum { LENGTH = 8 };
	int64_t unit = SECOND_US / 10;
	int hour, minute, second;
	size_t at = LENGTH;

	if (s->n < LENGTH || s->p[2] != ':' || s->p[5] != ':' ||
	    !two_digits(s->p, 23, &hour) ||
	    !two_digits(s->p + 3, 59, &minute) ||
	    !two_digits(s->p + 6, 60, &second))
		return false;
	stamp->second = hour * HOUR_SECONDS + minute * 60 + second;
	stamp->fraction_us = 0;
	if (at < s->n && (s->p[at] == '.' || s->p[at] == ','))
		for (at++; at < s->n && s->p[at] >= '0' && s->p[at] <= '9';
		    at++) {
			stamp->fraction_us += (s->p[at] - '0') * unit;
			unit /= 10;
		}
	*s = slice_from(*s, at);
	return true;
}

/* The whole hour by mktime(3); minutes and seconds are the same everywhere. */
static int64_t
local_time(struct logtime *t, const struct stamp *stamp)
{
	int hour = stamp->second / HOUR_SECONDS;
	int day = stamp->month * 31 + stamp->day;

	if (t->hour_start == 0 || t->hour_year != stamp->year ||
	    t->hour_day != day || t->hour != hour) {
		struct tm tm = { .tm_year = stamp->year - 1900,
		    .tm_mon = stamp->month, .tm_mday = stamp->day,
		    .tm_hour = hour, .tm_isdst = -1 };

		t->hour_start = (int64_t)mktime(&tm);
		t->hour_year = stamp->year;
		t->hour_day = day;
		t->hour = hour;
	}
	return (t->hour_start + stamp->second % HOUR_SECONDS) * SECOND_US +
	    stamp->fraction_us;
}

static bool
take_month(struct slice *s, int *month)
{
	static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

	if (s->n < 4 || s->p[3] != ' ')
		return false;
	for (int i = 0; i < 12; i++)
		if (memcmp(s->p, names + 3 * i, 3) == 0) {
			*month = i;
			*s = slice_from(*s, 4);
			return true;
		}
	return false;
}

/* "28 ", " 8 " or "8 ". */
static bool
take_month_day(struct slice *s, int *day)
{
	size_t at = 0;

	if (at < s->n && s->p[at] == ' ')
		at++;
	*day = 0;
	while (at < s->n && s->p[at] >= '0' && s->p[at] <= '9' && *day <= 31)
		*day = *day * 10 + (s->p[at++] - '0');
	if (*day < 1 || *day > 31 || at >= s->n || s->p[at] != ' ')
		return false;
	*s = slice_from(*s, at + 1);
	return true;
}

static int
year_of(int64_t seconds)
{
	time_t clock = (time_t)seconds;
	struct tm tm;

	return localtime_r(&clock, &tm) == NULL ? 1970 : tm.tm_year + 1900;
}

/* Lines are nearly in order: only around New Year do the months jump. */
static void
find_year(struct logtime *t, struct stamp *stamp)
{
	int day = 31 * stamp->month + stamp->day - 1;

	if (t->year == 0) {
		t->year = stamp->year = year_of(t->reference);
		if (local_time(t, stamp) > (t->reference + DAY_SECONDS) *
		    SECOND_US)
			t->year--;
	} else if (t->day >= 0 && day < t->day - HALF_A_YEAR) {
		t->year++;
	} else if (t->day >= 0 && day > t->day + HALF_A_YEAR) {
		stamp->year = t->year - 1; /* a late line of the old year */
		return;
	}
	stamp->year = t->year;
	t->day = day;
}

static bool
take_syslog(struct logtime *t, struct slice *s, int64_t *time_us)
{
	struct stamp stamp;

	if (!take_month(s, &stamp.month) || !take_month_day(s, &stamp.day) ||
	    !take_clock(s, &stamp))
		return false;
	find_year(t, &stamp);
	*time_us = local_time(t, &stamp);
	return true;
}

/* "Z", "+01:00" or "+0100": seconds east of UTC. */
static bool
take_zone(struct slice *s, int *east)
{
	int hours, minutes;
	size_t n;

	*east = 0;
	if (s->n > 0 && s->p[0] == 'Z') {
		*s = slice_from(*s, 1);
		return true;
	}
	if (s->n < 5 || (s->p[0] != '+' && s->p[0] != '-'))
		return false;
	n = s->p[3] == ':' ? 6 : 5;
	if (s->n < n || !two_digits(s->p + 1, 23, &hours) ||
	    !two_digits(s->p + n - 2, 59, &minutes))
		return false;
	*east = (hours * 60 + minutes) * (s->p[0] == '-' ? -60 : 60);
	*s = slice_from(*s, n);
	return true;
}

static bool
take_iso(struct logtime *t, struct slice *s, int64_t *time_us)
{
	struct slice date = slice_make(s->p, 10);
	struct stamp stamp = { .month = 1, .day = 1 };
	int32_t day;
	int east;

	if (s->n < 19 || s->p[4] != '-' || (s->p[10] != 'T' &&
	    s->p[10] != ' ') || !day_parse(date, &day))
		return false;
	*s = slice_from(*s, 11);
	if (!take_clock(s, &stamp))
		return false;
	if (take_zone(s, &east)) {
		*time_us = ((int64_t)day * DAY_SECONDS + stamp.second - east) *
		    SECOND_US + stamp.fraction_us;
		return true;
	}
	stamp.year = (date.p[0] - '0') * 1000 + (date.p[1] - '0') * 100 +
	    (date.p[2] - '0') * 10 + (date.p[3] - '0');
	two_digits(date.p + 5, 12, &stamp.month);
	two_digits(date.p + 8, 31, &stamp.day);
	stamp.month--;
	*time_us = local_time(t, &stamp);
	return true;
}

/* "1795896000.123456" */
static bool
take_unix(struct slice *s, int64_t *time_us)
{
	unsigned long seconds, fraction;
	size_t point = slice_find(*s, '.'), blank = slice_find(*s, ' ');

	if (blank != point + 7 || !text_number(slice_make(s->p, point),
	    99999999999UL, &seconds) ||
	    !text_number(slice_make(s->p + point + 1, 6), 999999, &fraction))
		return false;
	*time_us = (int64_t)seconds * SECOND_US + (int64_t)fraction;
	*s = slice_from(*s, blank);
	return true;
}

bool
logtime_take(struct logtime *t, struct slice *rest, int64_t *time_us)
{
	struct slice s = *rest;

	if (s.n == 0)
		return false;
	if (s.p[0] >= 'A' && s.p[0] <= 'Z') {
		if (!take_syslog(t, &s, time_us))
			return false;
	} else if (!take_iso(t, &s, time_us)) {
		s = *rest;
		if (!take_unix(&s, time_us))
			return false;
	}
	if (s.n == 0 || s.p[0] != ' ')
		return false;
	*rest = slice_from(s, 1);
	return true;
}
