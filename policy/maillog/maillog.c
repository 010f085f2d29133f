/*
 * The loop over lines, and what the log of either MTA comes to.
 */
#include <stdio.h>
#include <stdlib.h>

#include "policy/audit/source.h"
#include "policy/maillog/maillog-internal.h"

/*
 * A busy server has some hundred processes and some ten thousand messages under
 * way; an entry takes no memory before it is used.
 */
enum { PROCESSES = 8192, MESSAGES = 32768, SERVICES = 256,
	LINE_MEMORY = 16 * 1024 };

struct maillog *
maillog_new(const struct maillog_options *options)
{
	struct maillog *m = calloc(1, sizeof *m);

	if (m == NULL)
		return NULL;
	m->options = *options;
	m->last_us = INT64_MIN;
	arena_init(&m->memory, LINE_MEMORY);
	facts_init(&m->facts, DIALECT_POSTFIX);
	m->processes = sessions_new(options->room > 0 ? options->room :
	    PROCESSES);
	m->messages = sessions_new(options->room > 0 ? options->room :
	    MESSAGES);
	m->services = sessions_new(SERVICES);
	if (m->processes != NULL && m->messages != NULL && m->services != NULL)
		return m;
	maillog_free(m);
	return NULL;
}

void
maillog_free(struct maillog *m)
{
	if (m == NULL)
		return;
	sessions_free(m->processes);
	sessions_free(m->messages);
	sessions_free(m->services);
	facts_free(&m->facts);
	arena_free(&m->memory);
	free(m);
}

const struct maillog_counts *
maillog_counts(const struct maillog *m)
{
	return &m->counts;
}

static void
note_bad(struct maillog *m, const char *path, uint64_t line)
{
	if (m->counts.bad++ > 0)
		return;
	snprintf(m->counts.bad_file, sizeof m->counts.bad_file, "%s",
	    strcmp(path, "-") == 0 ? "<stdin>" : path);
	m->counts.bad_line = line;
}

/* Sessions and messages under way do not go on in an older file. */
static void
forget_all(struct maillog *m)
{
	maillog_sendmail_end(m);
	m->counts.unended += sessions_count(m->messages);
	sessions_forget(m->messages);
	sessions_forget(m->processes);
	sessions_forget(m->services);
}

static void
take_line(struct maillog *m, const struct logline *line, bool *first)
{
	if (*first && line->time_us < m->last_us)
		forget_all(m);
	*first = false;
	if (line->time_us > m->last_us)
		m->last_us = line->time_us;
	if (m->options.mta != MAILLOG_SENDMAIL && maillog_postfix(m, line))
		return;
	if (m->options.mta != MAILLOG_POSTFIX)
		maillog_sendmail(m, line);
}

bool
maillog_file(struct maillog *m, const char *path, int64_t reference,
    struct fault *fault)
{
	struct source *source = source_open(path, fault);
	enum source_result result = SOURCE_END;
	struct slice text;
	struct logline line;
	uint64_t number = 0;
	bool ended, first = true;

	if (source == NULL)
		return false;
	logtime_start(&m->time, reference, m->options.year);
	while (!m->failed && !m->no_memory && (result = source_next(source,
	    &text, &ended, fault)) == SOURCE_LINE) {
		m->counts.lines++;
		number++;
		arena_reset(&m->memory);
		switch (logline_parse(&line, text, &m->time, &m->memory)) {
		case LOGLINE_READ:
			take_line(m, &line, &first);
			break;
		case LOGLINE_BAD:
			note_bad(m, path, number);
			break;
		case LOGLINE_OTHER:
			break;
		}
	}
	source_close(source);
	if (m->no_memory)
		return fault_no_memory(fault);
	return result != SOURCE_FAILED && !m->failed;
}

bool
maillog_first(const char *path, const struct maillog_options *options,
    int64_t reference, int64_t *time_us, struct fault *fault)
{
	struct source *source = source_open(path, fault);
	enum logline_result found = LOGLINE_OTHER;
	enum source_result result = SOURCE_END;
	struct logtime time;
	struct logline line;
	struct arena memory;
	struct slice text;
	bool ended;

	if (source == NULL)
		return false;
	arena_init(&memory, LINE_MEMORY);
	logtime_start(&time, reference, options->year);
	*time_us = INT64_MIN;
	while (found != LOGLINE_READ && (result = source_next(source, &text,
	    &ended, fault)) == SOURCE_LINE)
		found = logline_parse(&line, text, &time, &memory);
	if (found == LOGLINE_READ)
		*time_us = line.time_us;
	arena_free(&memory);
	source_close(source);
	return result != SOURCE_FAILED;
}

bool
maillog_finish(struct maillog *m, struct fault *fault)
{
	forget_all(m);
	m->counts.unended += sessions_forgotten(m->messages);
	fault_clear(fault);
	return m->no_memory ? fault_no_memory(fault) : !m->failed;
}
