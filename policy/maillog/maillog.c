/*
 * The loop over lines, and what the log of either MTA comes to.
 */
#include <stdio.h>
#include <stdlib.h>

#include "policy/audit/field.h"
#include "policy/audit/record.h"
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
	m->processes = sessions_new(PROCESSES);
	m->messages = sessions_new(MESSAGES);
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

bool
maillog_take(struct slice *s, const char *word)
{
	size_t n = strlen(word);

	if (s->n < n || memcmp(s->p, word, n) != 0)
		return false;
	*s = slice_from(*s, n);
	return true;
}

size_t
maillog_find_last(struct slice s, const char *word)
{
	size_t n = strlen(word);

	for (size_t at = s.n < n ? 0 : s.n - n + 1; at > 0; at--)
		if (memcmp(s.p + at - 1, word, n) == 0)
			return at - 1;
	return s.n;
}

bool
maillog_is_queue_id(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!((s.p[i] >= '0' && s.p[i] <= '9') ||
		    (s.p[i] >= 'A' && s.p[i] <= 'Z') ||
		    (s.p[i] >= 'a' && s.p[i] <= 'z')))
			return false;
	return s.n > 0;
}

struct slice
maillog_key(char buf[SESSIONS_KEY_MAX], struct slice host,
    struct slice program, struct slice id)
{
	size_t n = host.n + program.n + id.n + 2;

	if (n > SESSIONS_KEY_MAX)
		return slice_make("", 0);
	memcpy(buf, host.p, host.n);
	buf[host.n] = '\0';
	memcpy(buf + host.n + 1, program.p, program.n);
	buf[host.n + 1 + program.n] = '\0';
	memcpy(buf + host.n + program.n + 2, id.p, id.n);
	return slice_make(buf, n);
}

static struct slice
service_key(char buf[SESSIONS_KEY_MAX], const struct logline *line)
{
	return maillog_key(buf, line->host, line->tag, slice_make("", 0));
}

void
maillog_tls_is_logged(struct maillog *m, const struct logline *line)
{
	char buf[SESSIONS_KEY_MAX];

	if (!maillog_logs_tls(m, line))
		sessions_put(m->services, service_key(buf, line));
}

bool
maillog_logs_tls(struct maillog *m, const struct logline *line)
{
	char buf[SESSIONS_KEY_MAX];

	return sessions_find(m->services, service_key(buf, line)) != NULL;
}

static bool
put(struct maillog *m, enum fact_id id, const char *text)
{
	return text[0] == '\0' || facts_set(&m->facts, id, slice_of(text), false);
}

/* As a session in clear is known to the daemon: nothing, and that is known. */
static bool
put_clear(struct maillog *m)
{
	const struct field *f = field_group(FIELD_TLS);

	for (; f->group == FIELD_TLS; f++)
		facts_set_state(&m->facts, f->fact, f->fact == FACT_VERIFY ?
		    FACT_ABSENT : field_state_when_nothing(m->facts.dialect,
		    f->fact));
	return m->facts.dialect != DIALECT_POSTFIX ||
	    put(m, FACT_VERIFY, "NONE");
}

/* Names of certificates stay untold, but where there can be none. */
static bool
put_tls(struct maillog *m, const struct session *s)
{
	if (m->facts.dialect == DIALECT_POSTFIX &&
	    strcmp(s->verify, "OK") != 0) {
		facts_set_state(&m->facts, FACT_CN_SUBJECT, FACT_ABSENT);
		facts_set_state(&m->facts, FACT_CN_ISSUER, FACT_ABSENT);
	}
	return put(m, FACT_TLS_VERSION, s->version) &&
	    put(m, FACT_CIPHER, s->cipher) &&
	    put(m, FACT_CIPHER_BITS, s->bits) && put(m, FACT_VERIFY, s->verify);
}

/* Postfix says "unknown", and is judged by its address in brackets. */
static bool
put_client(struct maillog *m, const struct session *s)
{
	char bracketed[SESSIONS_ADDR_MAX + 2];
	bool named = !s->forged && strcmp(s->name, "unknown") != 0;

	snprintf(bracketed, sizeof bracketed, "[%s]", s->addr);
	if (m->facts.dialect == DIALECT_SENDMAIL && s->forged &&
	    !put(m, FACT_CLIENT_RESOLVE, "FORGED"))
		return false;
	if (m->facts.dialect == DIALECT_SENDMAIL && named &&
	    s->name[0] != '[' && !put(m, FACT_CLIENT_RESOLVE, "OK"))
		return false;
	return put(m, FACT_CLIENT_NAME, named ? s->name : bracketed) &&
	    put(m, FACT_CLIENT_ADDR, s->addr);
}

static bool
put_login(struct maillog *m, const struct session *s)
{
	if (s->login_untold)
		return true;
	facts_set_state(&m->facts, FACT_AUTH_AUTHEN, FACT_ABSENT);
	facts_set_state(&m->facts, FACT_AUTH_TYPE, FACT_ABSENT);
	if (m->facts.dialect == DIALECT_SENDMAIL && s->login[0] == '\0')
		facts_set_state(&m->facts, FACT_AUTH_SSF, FACT_ABSENT);
	return put(m, FACT_AUTH_AUTHEN, s->login) &&
	    put(m, FACT_AUTH_TYPE, s->login_type);
}

/* See maillog_key(). */
static bool
put_key(struct maillog *m, const struct session *s)
{
	struct slice rest = slice_make(s->key, s->nkey), host, program;

	return slice_next(&rest, '\0', &host) &&
	    slice_next(&rest, '\0', &program) &&
	    facts_set(&m->facts, FACT_NODE, host, false) &&
	    facts_set(&m->facts, FACT_QUEUE_ID, rest, false);
}

static bool
put_facts(struct maillog *m, const struct session *s, enum dialect dialect)
{
	facts_reset(&m->facts, dialect);
	for (int id = 0; id < FACT_COUNT; id++)
		facts_set_state(&m->facts, (enum fact_id)id, FACT_NOT_TOLD);
	facts_set_state(&m->facts, FACT_SERVER_NAME, FACT_ABSENT);
	facts_set_state(&m->facts, FACT_SERVER_ADDR, FACT_ABSENT);
	if (!put(m, FACT_MTA, dialect == DIALECT_POSTFIX ? "Postfix" :
	    "sendmail") || !put_key(m, s) || !put_client(m, s) ||
	    !put_login(m, s) || !put(m, FACT_DAEMON_NAME, s->daemon))
		return false;
	if (s->tls == SESSION_UNTOLD)
		return true;
	return s->tls == SESSION_TLS ? put_tls(m, s) : put_clear(m);
}

static bool
is_exempt(const struct maillog *m)
{
	struct netaddr addr;

	return m->options.exempt != NULL &&
	    facts_address(&m->facts, false, &addr) &&
	    m->options.exempt(m->options.arg, &addr);
}

void
maillog_message(struct maillog *m, const struct session *s,
    enum dialect dialect, struct slice sender)
{
	struct record_maillog record = { .time_us = s->time_us,
	    .facts = &m->facts };
	char buf[16 * 1024];
	struct text out;
	bool good;

	if (s->time_us < m->options.since || s->time_us >= m->options.until)
		return;
	good = put_facts(m, s, dialect) && (sender.p == NULL ||
	    facts_set(&m->facts, FACT_MAIL_ADDR, sender.n == 0 ?
	    slice_of("<>") : sender, false));
	record.exempt = is_exempt(m);
	text_init(&out, buf, sizeof buf);
	if (!good || !record_format_maillog(&record, &out)) {
		m->counts.unreadable++;
		return;
	}
	text_char(&out, '\n');
	m->counts.records++;
	m->counts.untold += s->tls == SESSION_UNTOLD;
	m->failed |= !m->options.each(m->options.arg,
	    slice_make(out.buf, out.n));
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

/* Nothing under way can go on in a file that is older. */
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
	while (!m->failed && (result = source_next(source, &text, &ended,
	    fault)) == SOURCE_LINE) {
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

void
maillog_finish(struct maillog *m)
{
	forget_all(m);
	m->counts.unended += sessions_forgotten(m->messages);
}
