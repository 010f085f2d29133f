#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/base/finding.h"
#include "policy/base/text.h"

void
findings_init(struct findings *list)
{
	memset(list, 0, sizeof *list);
}

void
findings_free(struct findings *list)
{
	free(list->all);
	findings_init(list);
}

static struct finding *
next(struct findings *list)
{
	size_t wanted = list->allocated == 0 ? 16 : list->allocated * 2;
	struct finding *more;

	if (list->n == list->allocated) {
		more = realloc(list->all, wanted * sizeof *more);
		if (more == NULL) {
			list->failed = true;
			return NULL;
		}
		list->all = more;
		list->allocated = wanted;
	}
	return &list->all[list->n++];
}

/*
 * What came from outside must not steer a terminal.  Lines stay lines.  Made
 * longer by an escape, the text may be cut.
 */
static void
defuse(char *s, size_t size)
{
	char raw[FINDING_LINES_MAX];
	struct slice rest, line;
	struct text out;

	snprintf(raw, sizeof raw, "%s", s);
	rest = slice_of(raw);
	text_init(&out, s, size);
	out.utf8 = true;
	while (slice_next(&rest, '\n', &line)) {
		struct slice word;

		/* Tabs stay: rulesets of sendmail live by them. */
		while (slice_next(&line, '\t', &word)) {
			text_put_printable(&out, word);
			if (line.n > 0)
				text_char(&out, '\t');
		}
		if (rest.n > 0 || raw[strlen(raw) - 1] == '\n')
			text_char(&out, '\n');
	}
}

struct finding *
findings_add(struct findings *list, const struct finding_kind *kind,
    const char *what, ...)
{
	struct finding *f = next(list);
	va_list ap;

	if (f == NULL)
		return NULL;
	f->kind = kind;
	f->number = 0;
	f->place[0] = f->lines[0] = f->then[0] = '\0';
	va_start(ap, what);
	vsnprintf(f->what, sizeof f->what, what, ap);
	va_end(ap);
	defuse(f->what, sizeof f->what);
	return f;
}

void
findings_take_over(struct findings *all, const struct findings *from)
{
	for (size_t i = 0; i < from->n; i++) {
		const struct finding *one = &from->all[i];
		struct finding *f = findings_add(all, one->kind, "%s",
		    one->what);

		if (f != NULL)
			*f = *one;
	}
	all->failed = all->failed || from->failed;
}

void
finding_at(struct finding *f, const char *place, unsigned number)
{
	if (f == NULL)
		return;
	snprintf(f->place, sizeof f->place, "%s", place);
	f->number = number;
}

void
finding_mend(struct finding *f, const char *place, const char *lines, ...)
{
	va_list ap;

	if (f == NULL)
		return;
	snprintf(f->place, sizeof f->place, "%s", place);
	va_start(ap, lines);
	vsnprintf(f->lines, sizeof f->lines, lines, ap);
	va_end(ap);
	defuse(f->lines, sizeof f->lines);
}

void
finding_then(struct finding *f, const char *lines, ...)
{
	size_t n = f == NULL ? 0 : strlen(f->then);
	va_list ap;

	if (f == NULL)
		return;
	if (n > 0 && n + 1 < sizeof f->then)
		f->then[n++] = '\n';
	va_start(ap, lines);
	vsnprintf(f->then + n, sizeof f->then - n, lines, ap);
	va_end(ap);
	defuse(f->then, sizeof f->then);
}
