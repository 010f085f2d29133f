/*
 * Faults are plain memory of fixed size: an error must be reportable when
 * memory has run out, and a reader of a hostile file must not be made to hold
 * as much text as the file likes.
 */
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "policy/base/fault.h"
#include "policy/base/text.h"

static void
mark_cut(char *buf, size_t size, int wanted)
{
	if (wanted >= 0 && (size_t)wanted >= size)
		memcpy(buf + size - 4, "...", 4);
}

static void set_text(struct fault *, enum fault_kind, const char *, va_list)
    __attribute__((format(printf, 3, 0)));

static void
set_text(struct fault *f, enum fault_kind kind, const char *fmt, va_list ap)
{
	f->kind = kind;
	f->where[0] = '\0';
	f->line = f->column = 0;
	mark_cut(f->text, sizeof f->text,
	    vsnprintf(f->text, sizeof f->text, fmt, ap));
}

void
fault_clear(struct fault *f)
{
	f->kind = FAULT_NONE;
	f->where[0] = f->text[0] = '\0';
	f->line = f->column = 0;
}

bool
(fault_set)(struct fault *f, enum fault_kind kind, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	set_text(f, kind, fmt, ap);
	va_end(ap);
	return false;
}

bool
(fault_no_memory)(struct fault *f)
{
	return fault_set(f, FAULT_UNAVAILABLE, "out of memory");
}

bool
(fault_errno)(struct fault *f, enum fault_kind kind, int error, const char *fmt,
    ...)
{
	char reason[128];
	size_t used;
	va_list ap;

	va_start(ap, fmt);
	set_text(f, kind == FAULT_IO && error == EISDIR ? FAULT_NOINPUT : kind,
	    fmt, ap);
	va_end(ap);
	if (strerror_r(error, reason, sizeof reason) != 0)
		snprintf(reason, sizeof reason, "error %d", error);
	used = strlen(f->text);
	mark_cut(f->text + used, sizeof f->text - used,
	    snprintf(f->text + used, sizeof f->text - used, ": %s", reason));
	return false;
}

void
fault_at(struct fault *f, const char *file, unsigned long line,
    unsigned long column)
{
	mark_cut(f->where, sizeof f->where,
	    snprintf(f->where, sizeof f->where, "%s", file));
	f->line = line;
	f->column = column;
}

void
fault_at_setting(struct fault *f, const char *name)
{
	mark_cut(f->where, sizeof f->where,
	    snprintf(f->where, sizeof f->where, "setting %s", name));
	f->line = f->column = 0;
}

const char *
fault_print(const struct fault *f, char *buf, size_t size)
{
	char raw[FAULT_WHERE_MAX + FAULT_TEXT_MAX + 48], place[48] = "";
	struct text line;

	if (f->line != 0 && f->column != 0)
		snprintf(place, sizeof place, ":%lu:%lu", f->line, f->column);
	else if (f->line != 0)
		snprintf(place, sizeof place, ":%lu", f->line);
	snprintf(raw, sizeof raw, "%s%s%s%s", f->where, place,
	    f->where[0] != '\0' ? ": " : "", f->text);
	text_init(&line, buf, size);
	line.utf8 = true;
	text_put_printable(&line, slice_of(raw));
	if (line.cut && size > 4)
		memcpy(buf + size - 4, "...", 4);
	return buf;
}

void
fault_report(const struct fault *f, FILE *out)
{
	char line[FAULT_WHERE_MAX + FAULT_TEXT_MAX + 48];

	fault_print(f, line, sizeof line);
	fprintf(out, "%s%s\n", f->where[0] == '\0' ? "tlspolicy: " : "", line);
}
