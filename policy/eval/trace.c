/* A trace goes to people's terminals and logs: nothing in it may be control. */
#include <stdarg.h>
#include <stdio.h>

#include "policy/eval/trace.h"

void
trace_line(const struct trace *t, const char *fmt, ...)
{
	char raw[2048], line[2 * sizeof raw];
	struct text text;
	va_list ap;

	if (t == NULL)
		return;
	va_start(ap, fmt);
	vsnprintf(raw, sizeof raw, fmt, ap);
	va_end(ap);
	text_init(&text, line, sizeof line);
	text.utf8 = true;
	text_put_printable(&text, slice_of(raw));
	t->line(t->arg, line);
}
