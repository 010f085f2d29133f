/*
 * What is told of the files of watch-certificates: read every hour, a line in the
 * log once a day, from 14 days before the end on.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "milter/log.h"
#include "milter/metrics/certwatch.h"
#include "t/unit.h"

enum { HOUR_MS = 3600 * 1000, DAY_S = 86400 };
#define DAY_US (DAY_S * INT64_C(1000000))
/* 2026-11-29, midnight UTC */
#define NOW_US (INT64_C(20786) * DAY_US)

static int64_t end; /* of the certificate; 0: the file cannot be read */
static unsigned nread, ntold;
static char told[512];

/* By the linker's --wrap (Makefile.am). */
bool __wrap_expiry_of_file(const char *, int64_t *, struct fault *);
void __wrap_log_warnx(const char *, ...) __attribute__((format(printf, 1, 2)));

bool
__wrap_expiry_of_file(const char *path, int64_t *when, struct fault *why)
{
	nread++;
	*when = end;
	return end != 0 || fault_set(why, FAULT_NOINPUT, "%s: no such file",
	    path);
}

void
__wrap_log_warnx(const char *fmt, ...)
{
	va_list ap;

	ntold++;
	va_start(ap, fmt);
	vsnprintf(told, sizeof told, fmt, ap);
	va_end(ap);
}

static void
test_hour(void **state)
{
	struct certwatch w;

	(void)state;
	end = NOW_US / 1000000 + 30 * DAY_S;
	nread = ntold = 0;
	certwatch_init(&w);
	certwatch_watch(&w, "/a, /b", 5000, NOW_US);
	unit_number("at the start", 2, nread);
	certwatch_watch(&w, "/a, /b", 5000 + HOUR_MS - 1, NOW_US);
	unit_number("within the hour", 2, nread);
	certwatch_watch(&w, "/a, /b", 5000 + HOUR_MS, NOW_US);
	unit_number("after an hour", 4, nread);
	certwatch_again(&w);
	certwatch_watch(&w, "/a, /b", 5001 + HOUR_MS, NOW_US);
	unit_number("after SIGHUP", 6, nread);
	unit_number("30 days before the end", 0, ntold);
	unit_end();
}

/* Looks every hour of a day that is `days` before the end; the lines of it. */
static unsigned
day_before(struct certwatch *w, int64_t *now_ms, int64_t days)
{
	end = NOW_US / 1000000 + days * DAY_S;
	ntold = 0;
	told[0] = '\0';
	for (int hour = 0; hour < 24; hour++) {
		*now_ms += HOUR_MS;
		certwatch_watch(w, "/a", *now_ms, NOW_US +
		    hour * INT64_C(3600000000));
	}
	return ntold;
}

static void
test_once_a_day(void **state)
{
	struct certwatch w;
	int64_t now_ms = 0;

	(void)state;
	certwatch_init(&w);
	/* Of the 15th day before the end not an hour is within 14 days. */
	unit_number("15 days", 0, day_before(&w, &now_ms, 15));
	unit_number("14 days", 1, day_before(&w, &now_ms, 14));
	unit_same("14 days", "/a: a certificate ends at 2026-12-13T00:00:00Z",
	    told);
	unit_number("the same day", 0, day_before(&w, &now_ms, 14));
	certwatch_init(&w);
	now_ms = 0;
	unit_number("ended", 1, day_before(&w, &now_ms, -1));
	unit_same("ended", "/a: a certificate has ended at "
	    "2026-11-28T00:00:00Z", told);
	unit_end();
}

static void
test_each_day(void **state)
{
	struct certwatch w;

	(void)state;
	for (int known = 0; known < 2; known++) {
		end = known ? NOW_US / 1000000 + DAY_S : 0;
		ntold = 0;
		certwatch_init(&w);
		for (int hour = 0; hour < 72; hour++)
			certwatch_watch(&w, "/a", (int64_t)hour * HOUR_MS,
			    NOW_US + hour * INT64_C(3600000000));
		unit_number(known ? "it ends" : "not to be read", 3, ntold);
		if (!known)
			unit_same("why", "setting watch-certificates: "
			    "/a: no such file", told);
	}
	unit_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hour),
		cmocka_unit_test(test_once_a_day),
		cmocka_unit_test(test_each_day),
	};

	return unit_main(tests);
}
