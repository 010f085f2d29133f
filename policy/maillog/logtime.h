/*
 * logtime.h - the time at which a line of a mail log begins.
 *
 *	Nov 28 20:00:00				syslog, Postfix's maillog_file
 *	Nov 28 20:00:00.123456			journalctl -o short-precise
 *	2026-11-28T20:00:00.123456+01:00	RFC 3339: rsyslog, systemd
 *	2026-11-28T20:00:00+0100		journalctl -o short-iso
 *	1795896000.123456			journalctl -o short-unix
 *
 * The first two have no year.  That of a file's first line is the latest that
 * is not after a reference (when the file was last written); it grows when the
 * months begin anew.  What has no zone is local time.
 *
 * Threads: a logtime belongs to one.
 */
#ifndef TLSPOLICY_MAILLOG_LOGTIME_H
#define TLSPOLICY_MAILLOG_LOGTIME_H

#include <stdint.h>

#include "policy/base/slice.h"

struct logtime {
	int64_t reference; /* seconds since 1970 */
	int year;	   /* of the last line; 0: none yet */
	int day;	   /* of that line: 31 * month + day, from 0 on */
	/* The last hour that was worked out, and the second it begins at. */
	int hour_year, hour_day, hour;
	int64_t hour_start;
};

/* `year` of the first line, or 0: found by the reference. */
void logtime_start(struct logtime *, int64_t reference, int year);

/*
 * Eats the time and the blank behind it.  False: there is none; `*rest` as it
 * was.
 */
bool logtime_take(struct logtime *, struct slice *rest, int64_t *time_us);

#endif
