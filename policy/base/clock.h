/*
 * clock.h - what time it is.
 *
 * In policy/ for those alone that may have a clock (policy/README): elsewhere
 * time is handed in.  The clocks of Linux do not fail for these two ids.
 *
 * Threads: any.
 */
#ifndef TLSPOLICY_BASE_CLOCK_H
#define TLSPOLICY_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Nanoseconds, for spans of time: nobody sets this clock. */
static inline int64_t
clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static inline int64_t
clock_ms(void)
{
	return clock_ns() / 1000000;
}

/* The time of clock_ms() for a call that waits until then by this clock. */
static inline struct timespec
clock_at_ms(int64_t ms)
{
	return (struct timespec){ ms / 1000, ms % 1000 * 1000000 };
}

/* Microseconds since 1970, UTC: what records tell. */
static inline int64_t
clock_date_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* So many seconds from now, for a call that waits until then by that date. */
static inline struct timespec
clock_date_in(unsigned seconds)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += seconds;
	return until;
}

#endif
