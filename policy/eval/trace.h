/*
 * trace.h - how a verdict came about, line by line.
 *
 * The evaluator tells each key it tried, the rule that was hit with file, line
 * and generation, and each test with what it wanted and found.  A NULL trace
 * costs nothing.
 *
 * Threads: as the receiver; `line` is called by the thread that judges.
 */
#ifndef TLSPOLICY_TRACE_H
#define TLSPOLICY_TRACE_H

#include "policy/base/text.h"

struct trace {
	void (*line)(void *arg, const char *text); /* one line, no newline */
	void *arg;
};

/* Does nothing when `t` is NULL.  Bytes that are not printable become ?. */
void trace_line(const struct trace *t, const char *fmt, ...)
    PRINTF_LIKE(2, 3);

#endif
