/*
 * logline.h - a line of a mail log taken apart: when, who, what.
 *
 *	TIME HOST TAG[PID]: MESSAGE
 *
 * as syslog daemons, Postfix's postlogd and journalctl(1) write it, or a JSON
 * object a line as `journalctl -o json` does.  Everything is found from the
 * line's beginning: what a client got into a message cannot pass for a host, a
 * program or another line.
 *
 * Ownership: slices point into the line, or into the arena.
 * Threads: no state but the caller's.
 */
#ifndef TLSPOLICY_MAILLOG_LOGLINE_H
#define TLSPOLICY_MAILLOG_LOGLINE_H

#include "policy/base/arena.h"
#include "policy/maillog/logtime.h"

struct logline {
	int64_t time_us;
	struct slice host, tag, pid, message; /* pid may be empty */
};

enum logline_result {
	LOGLINE_READ,
	LOGLINE_OTHER, /* nothing that a program logged: marks, blank lines */
	LOGLINE_BAD    /* no line of a log */
};

enum logline_result logline_parse(struct logline *, struct slice text,
    struct logtime *, struct arena *);

#endif
