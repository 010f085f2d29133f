/*
 * log.h - messages of the daemon: one line each, to standard error or syslog.
 *
 * log_warn() adds ": " and the text of errno; the others do not.  A line never
 * holds a control character, whatever a client sent.  Under systemd a line on
 * standard error carries its priority, as sd-daemon(3) wants it.
 *
 * Threads: any; a line is written by one write(2).  The level and the place
 * are the process's own, as syslog(3)'s are.
 */
#ifndef TLSPOLICY_LOG_H
#define TLSPOLICY_LOG_H

#include <stdatomic.h>
#include <stdbool.h>

#include "policy/policy.h"

/* Before any other thread runs.  libmilter's own words go to syslog anyway. */
void log_init(const char *program, bool to_syslog) NONNULL;
/* One of enum log_level; may be called at any time. */
void log_set_level(int level);

extern atomic_int log_level; /* read by log_wants() alone */

static inline bool
log_wants(int level)
{
	return level <= atomic_load_explicit(&log_level, memory_order_relaxed);
}

void log_fault(int level, const struct fault *);
void log_warn(const char *fmt, ...) PRINTF_LIKE(1, 2);
void log_warnx(const char *fmt, ...) PRINTF_LIKE(1, 2);
void log_info(const char *fmt, ...) PRINTF_LIKE(1, 2);
void log_debug(const char *fmt, ...) PRINTF_LIKE(1, 2);

/*
 * For what peers may cause without end: some lines in a minute, the first with
 * how many were left out in those before.
 */
struct log_seldom {
	unsigned lines;		 /* in a minute; 0 is taken for 1 */
	_Atomic int64_t since_ms; /* of this minute; 0: there was none */
	atomic_uint told;	 /* in it */
	atomic_uint untold;
};
void log_seldom(struct log_seldom *, int level, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

#endif
