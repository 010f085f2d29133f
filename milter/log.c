/*
 * One buffer, one write(2): lines of several threads never mix, and nothing is
 * held back in a stdio buffer when the process dies.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "milter/log.h"
#include "policy/policy.h"

enum { LINE_MAX_BYTES = 2048, SELDOM_MS = 60000 };

static const int priorities[] = {
	[LOG_LEVEL_ERROR] = LOG_ERR,
	[LOG_LEVEL_WARNING] = LOG_WARNING,
	[LOG_LEVEL_INFO] = LOG_INFO,
	[LOG_LEVEL_DEBUG] = LOG_DEBUG,
};

atomic_int log_level = LOG_LEVEL_INFO;
static bool use_syslog, in_journal;
static const char *name = "tlspolicy-milter";

void
log_init(const char *program, bool to_syslog)
{
	name = program;
	use_syslog = to_syslog;
	in_journal = getenv("JOURNAL_STREAM") != NULL;
	openlog(name, LOG_PID, LOG_MAIL);
}

void
log_set_level(int level)
{
	atomic_store(&log_level, level);
}

static void
put_line(int level, struct text *line)
{
	if (use_syslog) {
		syslog(priorities[level], "%s", line->buf);
		return;
	}
	/* text_init() got one byte less than there is. */
	line->buf[line->n++] = '\n';
	/* A log that cannot be written cannot be reported. */
	if (write(STDERR_FILENO, line->buf, line->n) == -1)
		return;
}

static void vput(int level, int error, const char *fmt, va_list)
    __attribute__((format(printf, 3, 0)));

static void
vput(int level, int error, const char *fmt, va_list ap)
{
	char buf[LINE_MAX_BYTES], words[LINE_MAX_BYTES / 2], reason[128];
	struct text line;

	if (!log_wants(level))
		return;
	text_init(&line, buf, sizeof buf - 1);
	if (!use_syslog && in_journal)
		text_printf(&line, "<%d>", priorities[level]);
	else if (!use_syslog)
		text_printf(&line, "%s: ", name);
	vsnprintf(words, sizeof words, fmt, ap);
	line.utf8 = true;
	text_put_printable(&line, slice_of(words));
	if (error != 0 && strerror_r(error, reason, sizeof reason) == 0)
		text_printf(&line, ": %s", reason);
	put_line(level, &line);
}

static void put(int level, int error, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void
put(int level, int error, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vput(level, error, fmt, ap);
	va_end(ap);
}

void
log_fault(int level, const struct fault *fault)
{
	char line[FAULT_WHERE_MAX + FAULT_TEXT_MAX + 48];

	put(level, 0, "%s", fault_print(fault, line, sizeof line));
}

void
log_warn(const char *fmt, ...)
{
	int error = errno;
	va_list ap;

	va_start(ap, fmt);
	vput(LOG_LEVEL_WARNING, error, fmt, ap);
	va_end(ap);
}

void
log_warnx(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vput(LOG_LEVEL_WARNING, 0, fmt, ap);
	va_end(ap);
}

void
log_info(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vput(LOG_LEVEL_INFO, 0, fmt, ap);
	va_end(ap);
}

void
log_debug(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vput(LOG_LEVEL_DEBUG, 0, fmt, ap);
	va_end(ap);
}

static bool
is_due(struct log_seldom *s)
{
	int64_t now = clock_ms(), since = atomic_load(&s->since_ms);

	if (since != 0 && now - since < SELDOM_MS)
		return atomic_fetch_add(&s->told, 1) < s->lines;
	if (!atomic_compare_exchange_strong(&s->since_ms, &since, now))
		return false;
	atomic_store(&s->told, 1);
	return true;
}

void
log_seldom(struct log_seldom *s, int level, const char *fmt, ...)
{
	char words[LINE_MAX_BYTES / 2 - 64]; /* more than that is cut off */
	unsigned more;
	va_list ap;

	if (!is_due(s)) {
		atomic_fetch_add(&s->untold, 1);
		return;
	}
	va_start(ap, fmt);
	vsnprintf(words, sizeof words, fmt, ap);
	va_end(ap);
	more = atomic_exchange(&s->untold, 0);
	if (more == 0)
		put(level, 0, "%s", words);
	else
		put(level, 0, "%s; %u more since the log told of one", words,
		    more);
}
