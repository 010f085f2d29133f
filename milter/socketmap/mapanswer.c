/*
 * As in judge.c the store is held only while it is asked.  One answer is in
 * work at a time in this thread, but 20 kB are too much for a stack that
 * libevent shares.
 */
#include <stdlib.h>

#include "milter/log.h"
#include "milter/socketmap/mapanswer.h"
#include "policy/policy.h"

struct asked {
	struct daemon *daemon;
	struct settings_in_force *settings;
	struct outbound_options options;
	struct outbound_question question;
	struct outbound_answer answer;
	int64_t now_us;
	struct announcement *announcements;
	bool unannounced;
};

static void
trace_to_log(void *arg, const char *line)
{
	(void)arg;
	log_debug("socketmap: %s", line);
}

static void
ask(struct asked *a)
{
	struct store_holder *h = &a->daemon->store;
	struct store_reader reader;
	struct fault why;
	unsigned tries = 0;
	bool asked = false;

	while (!asked && store_holder_begin(h, &tries, &reader, &why)) {
		announce_take_back(&a->announcements, NULL);
		outbound_ask(&a->question, &reader, NULL, &a->answer);
		a->unannounced = !announce_knows(&a->daemon->announce,
		    &reader) && !announce_look(&a->daemon->announce, &reader,
		    slice_make("", 0), a->now_us, &a->announcements);
		asked = store_holder_end(h, &reader);
	}
	if (!asked) {
		metrics_count(&a->daemon->metrics, COUNTER_STORE_ERRORS);
		outbound_ask(&a->question, NULL, &why, &a->answer);
	}
}

static bool
announce(struct asked *a)
{
	struct daemon *d = a->daemon;

	if (a->unannounced)
		return false;
	return !announce_is_due(a->announcements, a->settings) ||
	    announce_all(&d->announce, d->audit, &a->announcements,
	    a->settings, a->now_us, auditlog_submit, WRITER_IMPATIENT);
}

static bool
record(struct asked *a)
{
	struct record_outbound record = { .time_us = a->now_us,
		.question = &a->question, .answer = &a->answer };
	struct auditlog *audit = a->daemon->audit;
	char *memory = malloc(RECORD_LINE_MAX);
	struct text line;
	bool taken = true;

	if (memory == NULL)
		return false;
	text_init(&line, memory, RECORD_LINE_MAX);
	if (auditlog_hides_people(audit))
		taken = auditlog_begin_people(audit, true, &record.hiding);
	taken = taken && record_format_outbound(&record, &line);
	if (record.hiding != NULL)
		taken = auditlog_end_people(audit, record.hiding) && taken;
	taken = taken && announce(a) && auditlog_submit(audit,
	    slice_make(line.buf, line.n), WRITER_IMPATIENT);
	free(memory);
	metrics_count(&a->daemon->metrics,
	    taken ? COUNTER_RECORDS : COUNTER_UNRECORDED);
	return taken;
}

/*
 * Logs an answer that is weaker than its rules, or a refusal, with the rules.
 */
static void
log_answer(const struct asked *a)
{
	const struct outbound_answer *answer = &a->answer;
	char buf[1024];
	struct text rules;

	if (answer->result != OUTBOUND_WEAKENED &&
	    answer->result != OUTBOUND_REFUSED)
		return;
	text_init(&rules, buf, sizeof buf);
	for (unsigned i = 0; i < answer->nrules; i++) {
		const struct outbound_rule *rule = &answer->rules[i];

		text_printf(&rules, "%s%.*s %.*s (%.*s:%lu)",
		    i > 0 ? ", " : "", SLICE_ARG(rule->key),
		    SLICE_ARG(rule->requirement), SLICE_ARG(rule->file),
		    (unsigned long)rule->line);
	}
	log_seldom(&a->daemon->inexpressible, LOG_LEVEL_WARNING,
	    "socketmap: %s %.*s: %s: cannot be expressed: %s; rule %s",
	    outbound_map_name(a->question.map), SLICE_ARG(a->question.key),
	    outbound_result_name(answer->result), answer->lost.buf, buf);
}

static void
count(const struct asked *a)
{
	static const enum counter counters[] = {
		[OUTBOUND_NONE] = COUNTER_OUTBOUND_NONE,
		[OUTBOUND_WARNED] = COUNTER_OUTBOUND_WARNED,
		[OUTBOUND_TOLD] = COUNTER_OUTBOUND_TOLD,
		[OUTBOUND_PASSED_ON] = COUNTER_OUTBOUND_PASSED_ON,
		[OUTBOUND_EXCEPTION] = COUNTER_OUTBOUND_EXCEPTION,
		[OUTBOUND_WEAKENED] = COUNTER_OUTBOUND_WEAKENED,
		[OUTBOUND_REFUSED] = COUNTER_OUTBOUND_REFUSED,
		[OUTBOUND_FAILED] = COUNTER_OUTBOUND_FAILED,
	};

	metrics_count(&a->daemon->metrics, counters[a->answer.result]);
}

static void
answer(struct asked *a, struct text *reply)
{
	ask(a);
	if (a->answer.result != OUTBOUND_NONE && !record(a))
		outbound_deny(&a->question, "TLS policy cannot be recorded at "
		    "present", &a->answer);
	log_answer(a);
	count(a);
	outbound_print_reply(&a->question, &a->answer, reply);
}

static void
prepare(struct asked *a, struct daemon *d, struct slice request,
    const struct resolved *resolved)
{
	static const struct trace trace = { trace_to_log, NULL };
	size_t blank = slice_find(request, ' ');

	a->daemon = d;
	a->announcements = NULL;
	a->unannounced = false;
	a->settings = settings_holder_take(&d->settings);
	a->now_us = clock_date_us();
	outbound_options_of(&a->settings->settings, &a->options);
	a->question = (struct outbound_question){
		.map = OUTBOUND_SENDMAIL,
		.key = slice_from(request, blank < request.n ? blank + 1 :
		    blank),
		.options = &a->options,
		.resolved = resolved,
		.now = a->now_us / 1000000,
		.trace = log_wants(LOG_LEVEL_DEBUG) ? &trace : NULL,
	};
}

/*
 * sendmail takes PERM for "not found".  A map that is misspelt in its
 * configuration must not let mail through either.
 */
static void
unknown_map(struct asked *a, struct slice name, struct text *reply)
{
	log_seldom(&a->daemon->unknown_map, LOG_LEVEL_WARNING,
	    "socketmap: there is no map \"%.*s\" for the key \"%.*s\"; "
	    "expected tlspolicy for Postfix, access or tlspolicy_access for "
	    "sendmail", SLICE_ARG(name), SLICE_ARG(a->question.key));
	a->question.map = OUTBOUND_SENDMAIL;
	outbound_answer_init(&a->answer);
	outbound_deny(&a->question, "", &a->answer);
	if (a->answer.result == OUTBOUND_NONE)
		text_puts(reply, "PERM there is no such map");
	else
		outbound_print_reply(&a->question, &a->answer, reply);
	count(a);
}

static bool
asks_whether_alive(const struct outbound_question *q)
{
	return q->map == OUTBOUND_SENDMAIL &&
	    slice_is_nocase(q->key, "tlspolicy:alive");
}

static void
answer_request(struct daemon *d, struct slice request,
    const struct resolved *resolved, struct text *reply)
{
	struct slice map = slice_make(request.p, slice_find(request, ' '));
	struct asked *a = malloc(sizeof *a);

	if (a == NULL) {
		/* sendmail is kept from failing open by the lost connection. */
		metrics_count(&d->metrics, COUNTER_NO_MEMORY);
		return;
	}
	prepare(a, d, request, resolved);
	log_debug("socketmap: %.*s", SLICE_ARG(request));
	if (!outbound_map_by_name(map, &a->question.map) ||
	    outbound_is_misplaced(&a->question))
		unknown_map(a, map, reply);
	else if (asks_whether_alive(&a->question))
		text_puts(reply, "OK ALIVE");
	else
		answer(a, reply);
	announce_forget(&a->announcements);
	settings_holder_drop(a->settings);
	free(a);
}

bool
mapanswer_asks_resolver(struct slice request, struct text *key)
{
	size_t blank = slice_find(request, ' ');
	struct outbound_question q = { .map = OUTBOUND_SENDMAIL,
		.key = slice_from(request, blank < request.n ? blank + 1 :
		    blank) };

	if (!outbound_map_by_name(slice_make(request.p, blank), &q.map) ||
	    q.map != OUTBOUND_POSTFIX || outbound_is_misplaced(&q))
		return false;
	text_clear(key);
	outbound_resolver_key(q.key, key);
	return true;
}

/*
 * This thread may have waited for memory while the daemon began to stop, and
 * was not waited for.
 */
void
mapanswer(struct daemon *d, struct slice request,
    const struct resolved *resolved, struct text *reply)
{
	if (!drain_enter(&d->drain))
		return;
	answer_request(d, request, resolved, reply);
	drain_leave(&d->drain);
}
