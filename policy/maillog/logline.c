/*
 * Most lines of a mail log are of no interest, so nothing is looked at twice.
 */
#include "policy/audit/scan.h"
#include "policy/maillog/logline.h"

/* "<22>", which some syslog daemons leave in front. */
static void
skip_priority(struct slice *s)
{
	size_t end;

	if (s->n == 0 || s->p[0] != '<')
		return;
	end = slice_find(*s, '>');
	if (end < s->n && end <= 4)
		*s = slice_from(*s, end + 1);
}

/* "[ID 702911 mail.info] ", which Solaris puts before each message. */
static void
skip_message_id(struct slice *s)
{
	size_t end;

	if (s->n < 4 || memcmp(s->p, "[ID ", 4) != 0)
		return;
	end = slice_find(*s, ']');
	if (s->n - end > 1 && s->p[end + 1] == ' ')
		*s = slice_from(*s, end + 2);
}

/* "TAG[PID]: " or "TAG: ". */
static bool
take_tag(struct logline *line, struct slice *s)
{
	size_t colon = slice_find(*s, ':'), open;
	struct slice tag = slice_make(s->p, colon);

	if (colon == 0 || colon == s->n || slice_find(tag, ' ') < colon)
		return false;
	open = slice_find(tag, '[');
	line->tag = slice_make(tag.p, open);
	line->pid = slice_make("", 0);
	if (open < colon) {
		if (tag.p[colon - 1] != ']')
			return false;
		line->pid = slice_make(tag.p + open + 1, colon - open - 2);
	}
	*s = slice_from(*s, colon + 1);
	if (s->n > 0 && s->p[0] == ' ')
		*s = slice_from(*s, 1);
	return true;
}

/* Of a text that is not UTF-8 the journal has the bytes, as numbers. */
static bool
journal_bytes(struct scan *scan, struct slice *value)
{
	char *bytes = arena_alloc(scan->memory, (size_t)(scan->end - scan->p));
	bool first = true;
	uint64_t byte;
	size_t n = 0;

	if (bytes == NULL || !scan_array(scan))
		return false;
	while (scan_element(scan, &first)) {
		if (!scan_number(scan, &byte) || byte > 255)
			return false;
		bytes[n++] = (char)byte;
	}
	*value = slice_make(bytes, n);
	return scan->error == NULL;
}

static bool
journal_value(struct scan *scan, struct slice *value)
{
	switch (scan_peek(scan)) {
	case '"':
		return scan_string(scan, value);
	case '[':
		return journal_bytes(scan, value);
	default:
		return scan_skip(scan);
	}
}

static bool
journal_member(struct scan *scan, struct slice name, struct logline *line,
    struct slice *time, struct slice *own_pid)
{
	if (slice_is(name, "MESSAGE"))
		return journal_value(scan, &line->message);
	if (slice_is(name, "__REALTIME_TIMESTAMP"))
		return journal_value(scan, time);
	if (slice_is(name, "_HOSTNAME"))
		return journal_value(scan, &line->host);
	if (slice_is(name, "SYSLOG_IDENTIFIER"))
		return journal_value(scan, &line->tag);
	if (slice_is(name, "SYSLOG_PID"))
		return journal_value(scan, &line->pid);
	if (slice_is(name, "_PID"))
		return journal_value(scan, own_pid);
	return scan_skip(scan);
}

static enum logline_result
parse_journal(struct logline *line, struct slice text, struct arena *memory)
{
	struct slice name, time = { NULL, 0 }, own_pid = { "", 0 };
	struct scan scan;
	unsigned long us;
	bool first = true;

	*line = (struct logline){ 0 };
	scan_init(&scan, text, memory);
	if (!scan_object(&scan))
		return LOGLINE_BAD;
	while (scan_member(&scan, &first, &name))
		if (!journal_member(&scan, name, line, &time, &own_pid))
			return LOGLINE_BAD;
	if (scan.error != NULL || !scan_end(&scan) ||
	    !text_number(time, INT64_MAX / 2, &us))
		return LOGLINE_BAD;
	line->time_us = (int64_t)us;
	if (line->pid.p == NULL)
		line->pid = own_pid;
	return line->message.p == NULL || line->tag.p == NULL ||
	    line->host.p == NULL ? LOGLINE_OTHER : LOGLINE_READ;
}

/* What journalctl(1) says of itself, and lines that go on with a message. */
static bool
is_mark(struct slice s)
{
	return s.n == 0 || text_is_blank(s.p[0]) || s.p[0] == '\r' ||
	    (s.n > 3 && memcmp(s.p, "-- ", 3) == 0);
}

static enum logline_result
parse_text(struct logline *line, struct slice text, struct logtime *time)
{
	struct slice s = text;
	size_t blank;

	skip_priority(&s);
	if (!logtime_take(time, &s, &line->time_us))
		return LOGLINE_BAD;
	blank = slice_find(s, ' ');
	line->host = slice_make(s.p, blank);
	if (blank == 0 || blank == s.n)
		return LOGLINE_OTHER;
	s = slice_from(s, blank + 1);
	if (!take_tag(line, &s))
		return LOGLINE_OTHER;
	skip_message_id(&s);
	line->message = s.n > 0 && s.p[s.n - 1] == '\r' ?
	    slice_make(s.p, s.n - 1) : s;
	return LOGLINE_READ;
}

/* No host, program or process has a NUL in its name; keys have them between. */
static bool
has_nul(struct slice s)
{
	return slice_find(s, '\0') < s.n;
}

enum logline_result
logline_parse(struct logline *line, struct slice text, struct logtime *time,
    struct arena *memory)
{
	enum logline_result result;

	if (is_mark(text))
		return LOGLINE_OTHER;
	result = text.p[0] == '{' ? parse_journal(line, text, memory) :
	    parse_text(line, text, time);
	if (result == LOGLINE_READ && (has_nul(line->host) ||
	    has_nul(line->tag) || has_nul(line->pid)))
		return LOGLINE_OTHER;
	return result;
}
