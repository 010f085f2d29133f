/* A trace goes to people's terminals and logs: nothing in it may be control. */
#include <stdarg.h>
#include <stdio.h>

#include "policy/eval/trace.h"

void
trace_line(const struct trace *t, const char *fmt, ...)
{
	char line[2048];
	va_list ap;

	if (t == NULL)
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	for (char *p = line; *p != '\0'; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
	t->line(t->arg, line);
}
