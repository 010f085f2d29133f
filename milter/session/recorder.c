/*
 * Nearly every record fits into the first buffer, which costs nothing.  One
 * with thousands of recipients gets memory of its own, up to a limit that no
 * MTA's recipient limit reaches.
 */
#include <stdlib.h>

#include "milter/log.h"
#include "milter/session/recorder.h"

enum { FIRST_TRY = 8 * 1024 };
static const size_t LARGEST = 64 * 1024 * 1024;

static void
count(struct session *s, bool taken)
{
	metrics_count(&s->daemon->metrics,
	    taken ? COUNTER_RECORDS : COUNTER_UNRECORDED);
}

/* Announcements come before the record in the file, and are as safe. */
static bool
announce(struct session *s, announce_submit *submit,
    enum writer_patience patience)
{
	struct message *m = s->message;

	return !announce_is_due(m->announcements, m->settings) ||
	    announce_all(&s->daemon->announce, s->daemon->audit,
	    &m->announcements, m->settings, m->judged_us, submit, patience);
}

static bool
hand_over(struct session *s, enum writer_patience patience, struct slice line)
{
	enum writer_handed handed = WRITER_HANDED_REFUSED;

	if (announce(s, auditlog_hand_ahead, patience))
		handed = auditlog_hand(s->daemon->audit, line, patience,
		    &s->ticket);
	if (handed != WRITER_HANDED_OPEN)
		count(s, handed == WRITER_HANDED_TAKEN);
	return handed != WRITER_HANDED_REFUSED;
}

static bool
wait_for(struct session *s, enum writer_patience patience, struct slice line)
{
	bool taken = announce(s, auditlog_submit, patience) &&
	    auditlog_submit(s->daemon->audit, line, patience);

	count(s, taken);
	return taken;
}

static bool
submit(struct session *s, enum record_event event, struct slice line)
{
	enum writer_patience patience = event == RECORD_MESSAGE ?
	    WRITER_PATIENT : WRITER_REFUSAL;
	bool taken;

	if (!s->message->unannounced)
		return s->ticket.settled != NULL ?
		    hand_over(s, patience, line) : wait_for(s, patience, line);
	taken = patience == WRITER_REFUSAL &&
	    auditlog_lose_refusal(s->daemon->audit);
	count(s, taken);
	return taken;
}

enum recorder_settled
recorder_settled(struct session *s)
{
	struct writer_outcome outcome;

	if (!auditlog_collect(s->daemon->audit, &s->ticket, &outcome))
		return RECORDER_NOT_YET;
	while (outcome.recorded-- > 0)
		count(s, true);
	while (outcome.unrecorded-- > 0)
		count(s, false);
	return outcome.refused ? RECORDER_REFUSED : RECORDER_TAKEN;
}

/* What became of a record on its way into a line. */
enum made { MADE, CUT, NOT_HIDDEN };

/* With people hidden as the setting privacy says; never without. */
static enum made
make(struct session *s, struct record *record, struct text *line)
{
	struct auditlog *audit = s->daemon->audit;
	bool fits;

	record->hiding = NULL;
	if (auditlog_hides_people(audit) && !auditlog_begin_people(audit,
	    record->event == RECORD_MESSAGE, &record->hiding))
		return NOT_HIDDEN;
	fits = record_format(record, line);
	if (record->hiding != NULL &&
	    !auditlog_end_people(audit, record->hiding))
		return NOT_HIDDEN;
	return fits ? MADE : CUT;
}

static bool
lose(struct session *s, enum record_event event)
{
	metrics_count(&s->daemon->metrics, COUNTER_UNRECORDED);
	if (event != RECORD_MESSAGE)
		return auditlog_lose_refusal(s->daemon->audit);
	return false;
}

static bool
write_large(struct session *s, struct record *record)
{
	bool taken = false;

	for (size_t size = RECORD_LINE_MAX; size <= LARGEST; size *= 4) {
		char *memory = malloc(size);
		struct text line;
		enum made made;

		if (memory == NULL)
			break;
		text_init(&line, memory, size);
		made = make(s, record, &line);
		if (made == MADE)
			taken = submit(s, record->event,
			    slice_make(line.buf, line.n));
		free(memory);
		if (made != CUT)
			return made == MADE ? taken : lose(s, record->event);
	}
	log_warnx("audit log: a record of %zu recipients does not fit",
	    record->nrcpts);
	metrics_count(&s->daemon->metrics, COUNTER_UNRECORDED);
	return false;
}

static void
count_plan(struct metrics *metrics, const struct record_plan *plan)
{
	metrics_count(metrics, plan->result == RECORD_PLAN_UNJUDGED ?
	    COUNTER_PLAN_UNJUDGED : COUNTER_PLAN_JUDGED);
	if (plan->result == RECORD_PLAN_DIFFERS)
		metrics_count(metrics, COUNTER_PLAN_DIFFERS);
	if (plan->answered)
		metrics_count(metrics, COUNTER_PLAN_ANSWERED);
}

static bool
write_record(struct session *s, struct record *record)
{
	char id[SESSION_ID_MAX], memory[FIRST_TRY];
	struct text session, line;

	if (record->plan != NULL)
		count_plan(&s->daemon->metrics, record->plan);
	text_init(&session, id, sizeof id);
	session_id(s, &session);
	record->session = slice_make(session.buf, session.n);
	record->facts = &s->message->facts;
	record->monitor = s->message->settings->settings.mode == MODE_MONITOR;
	record->exempt = s->message->exempt;
	record->settings = slice_make(s->message->settings->digest,
	    DIGEST_SHORT);
	text_init(&line, memory, sizeof memory);
	switch (make(s, record, &line)) {
	case MADE:
		return submit(s, record->event,
		    slice_make(line.buf, line.n));
	case CUT:
		return write_large(s, record);
	default:
		return lose(s, record->event);
	}
}

bool
recorder_message(struct session *s, enum record_event event)
{
	struct message *m = s->message;
	struct record record = {
		.event = event,
		.time_us = m->judged_us,
		.verdict = &m->verdict,
		.header = m->author.judged ? &m->later : NULL,
		.rcpts = m->rcpts,
		.nrcpts = m->nrcpts,
	};

	if (m->beside.state != RECORD_PLAN_NONE)
		record.plan = beside_tell(m);
	return write_record(s, &record);
}

bool
recorder_refused_rcpt(struct session *s, const struct verdict *verdict,
    int64_t now_us)
{
	struct record_rcpt rcpt = {
		.address = session_rcpt_address(&s->message->facts),
		.resolved = facts_value(&s->message->facts,
		    FACT_RCPT_RESOLVED),
		.kind = verdict->kind,
		.waiver = verdict->waiver,
	};
	struct record record = {
		.event = RECORD_REFUSED_RCPT,
		.time_us = now_us,
		.verdict = verdict,
		.rcpts = &rcpt,
		.nrcpts = 1,
	};

	if (s->message->beside.state != RECORD_PLAN_NONE)
		record.plan = beside_tell_rcpt(s->message, verdict);
	return write_record(s, &record);
}
