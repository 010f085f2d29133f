/*
 * Each step fills in facts, asks, and answers.
 *
 * No answer is ever ACCEPT: at MAIL it would keep the end of the message from
 * us, and with it the record.  Nothing is refused before MAIL: that would
 * stick to the whole session and take STARTTLS away from the client.
 *
 * libmilter takes the text of a reply for a format: a % is doubled, or the reply
 * would be refused and the client would get a default one.  It also ignores a
 * reply whose code does not fit the answer, so that the two are checked here.
 * When a reply cannot be set, what is left is a temporary failure.
 */
#include "milter/feed/feed.h"
#include "milter/log.h"
#include "milter/session/author.h"
#include "milter/session/header.h"
#include "milter/session/judge.h"
#include "milter/session/recorder.h"
#include "milter/session/step.h"
#include "policy/policy.h"

enum { LINE_BYTES = 2 * REPLY_LINE_MAX + 1, REASON_BYTES = 500 };

static const char no_memory[] = "out of memory, try again later";
static const char unrecorded[] =
    "this message cannot be recorded now, try again later";
static const char not_held[] =
    "this message cannot be held now, try again later";
static const char no_header[] =
    "this message's header cannot be changed now, try again later";
static const char unjudged[] =
    "this message has not been judged, try again later";

static void
double_percent(struct slice from, struct text *to)
{
	text_clear(to);
	for (size_t i = 0; i < from.n; i++) {
		if (from.p[i] == '%')
			text_char(to, '%');
		text_char(to, from.p[i]);
	}
}

static bool
set_reply(SMFICTX *ctx, const struct reply *r)
{
	char memory[REPLY_LINES_MAX][LINE_BYTES];
	const char *line[REPLY_LINES_MAX];

	for (unsigned i = 0; i < r->nlines; i++) {
		struct text out;

		text_init(&out, memory[i], sizeof memory[i]);
		double_percent(r->lines[i], &out);
		line[i] = out.buf;
	}
	return engine_setreply(ctx, r->code, r->dsn, line, r->nlines);
}

sfsistat
step_answer(SMFICTX *ctx, const struct verdict *v)
{
	bool permanent = v->kind == VERDICT_REJECT;

	if (v->reply.nlines > 0 && v->reply.code[0] == (permanent ? '5' : '4') &&
	    set_reply(ctx, &v->reply))
		return permanent ? SMFIS_REJECT : SMFIS_TEMPFAIL;
	log_warnx("the reply %s %s could not be set", v->reply.code,
	    v->reply.dsn);
	return SMFIS_TEMPFAIL;
}

bool
step_hold(SMFICTX *ctx, const struct verdict *v)
{
	char memory[REASON_BYTES];
	struct text reason;

	text_init(&reason, memory, sizeof memory);
	for (unsigned i = 0; i < v->reply.nlines; i++) {
		text_puts(&reason, i > 0 ? " / " : "");
		text_put_printable(&reason, v->reply.lines[i]);
	}
	if (reason.n == 0)
		text_puts(&reason, "held by TLS policy");
	return engine_quarantine(ctx, reason.buf);
}

/* 451 4.3.0, for what went wrong outside of any verdict. */
static sfsistat
fail(SMFICTX *ctx, struct session *s, const char *text)
{
	if (text == no_memory)
		metrics_count(&s->daemon->metrics, COUNTER_NO_MEMORY);
	if (s->message != NULL)
		session_end_message(s);
	if (!engine_setreply(ctx, "451", "4.3.0", &text, 1))
		log_warnx("the reply 451 4.3.0 could not be set");
	return SMFIS_TEMPFAIL;
}

/*
 * RSET, QUIT or a lost connection: a message judged and never ended.  What
 * waited for a recipient is judged by what is there, as its record will be.
 */
static void
abandon(struct session *s)
{
	struct message *m = s->message;

	if (m == NULL)
		return;
	if ((m->awaits || m->beside.awaits) && m->nrcpts == 0)
		judge_mail_late(s);
	recorder_message(s, RECORD_ABORTED);
	session_end_message(s);
}

sfsistat
step_helo(SMFICTX *ctx, struct session *s, const void *helo)
{
	(void)ctx;
	abandon(s);
	session_set_helo(s, helo);
	return SMFIS_NOREPLY;
}

static sfsistat
begin_mail(SMFICTX *ctx, struct session *s, const char *sender)
{
	sfsistat answer;

	abandon(s);
	if (s->lost_helo || session_begin_message(s) == NULL ||
	    !session_tell_mail(ctx, s, sender))
		return fail(ctx, s, no_memory);
	if (s->daemon->feed != NULL && feed_tells(&s->message->facts))
		s->message->fed_since = feed_mark(s->daemon->feed);
	judge_mail(s);
	if (!verdict_refuses(s->message->verdict.kind))
		return SMFIS_CONTINUE;
	recorder_message(s, RECORD_REFUSED_MAIL);
	answer = step_answer(ctx, &s->message->verdict);
	session_end_message(s);
	return answer;
}

sfsistat
step_mail(SMFICTX *ctx, struct session *s, const void *sender)
{
	s->utf8 = false;
	return begin_mail(ctx, s, sender);
}

sfsistat
step_mail_utf8(SMFICTX *ctx, struct session *s, const void *sender)
{
	s->utf8 = true;
	return begin_mail(ctx, s, sender);
}

/*
 * Takes what the facts feed has been told of the session and the recipient, so
 * that none is left over.  False: out of memory.
 */
static bool
hear_feed(struct session *s)
{
	struct feed *feed = s->daemon->feed;
	struct facts *facts = &s->message->facts;

	return feed == NULL || !feed_tells(facts) ||
	    feed_ask(feed, facts, s->message->fed_since) !=
	    FEEDTABLE_NO_MEMORY;
}

/*
 * Judges the recipient in the facts, and what of MAIL had to wait for it. Once
 * a recipient was let in MAIL has its verdict.
 */
static const struct verdict *
judge_recipient(struct session *s)
{
	struct message *m = s->message;
	const struct verdict *verdict = &m->later;
	bool missed = false;

	if ((m->awaits || m->beside.awaits) && m->nrcpts == 0) {
		judge_mail_late(s);
		judge_mail_counted(s);
		missed = m->verdict.unfed;
		if (verdict_refuses(m->verdict.kind))
			verdict = &m->verdict;
	}
	if (verdict == &m->later) {
		judge_rcpt(s, &m->later);
		missed |= m->later.unfed;
	}
	if (missed && s->daemon->feed != NULL)
		metrics_count(&s->daemon->metrics, COUNTER_FEED_MISSED);
	return verdict;
}

sfsistat
step_rcpt(SMFICTX *ctx, struct session *s, const void *recipient)
{
	const struct verdict *verdict;

	if (s->message == NULL)
		return fail(ctx, s, unjudged);
	if (!session_tell_rcpt(ctx, s, recipient) || !hear_feed(s))
		return fail(ctx, s, no_memory);
	verdict = judge_recipient(s);
	if (verdict_refuses(verdict->kind)) {
		recorder_refused_rcpt(s, verdict, clock_date_us());
		return step_answer(ctx, verdict);
	}
	if (!session_add_rcpt(s, verdict))
		return fail(ctx, s, no_memory);
	if (s->message->beside.state == RECORD_PLAN_SAME)
		beside_take_rcpt(s->message);
	if (verdict->kind == VERDICT_HOLD)
		session_adopt_hold(s, verdict);
	return SMFIS_CONTINUE;
}

sfsistat
step_data(SMFICTX *ctx, struct session *s, const void *none)
{
	(void)ctx;
	(void)s;
	(void)none;
	return SMFIS_CONTINUE;
}

sfsistat
step_header(SMFICTX *ctx, struct session *s, const void *arg)
{
	const struct step_field *field = arg;

	(void)ctx;
	if (s->message == NULL)
		return SMFIS_NOREPLY;
	header_look(s->message, field->name);
	if (s->author)
		author_look(s->message, field->name, field->value);
	return SMFIS_NOREPLY;
}

/* No MAIL, or one that waits for facts of RCPT and had no recipient. */
static bool
is_unjudged(const struct session *s)
{
	return s->message == NULL ||
	    (s->message->awaits && s->message->nrcpts == 0);
}

/* Records a message that never came to its end: no MTA asks about one. */
static sfsistat
refuse_unjudged(SMFICTX *ctx, struct session *s)
{
	abandon(s);
	return fail(ctx, s, unjudged);
}

/* TLS_Header rules; their verdict is that of the message, not of one RCPT. */
static sfsistat
judge_author(SMFICTX *ctx, struct session *s)
{
	struct message *m = s->message;
	sfsistat answer;

	if (!author_judge(s))
		return fail(ctx, s, no_memory);
	if (!m->author.judged)
		return SMFIS_CONTINUE;
	if (m->later.kind == VERDICT_HOLD)
		session_adopt_hold(s, &m->later);
	if (!verdict_refuses(m->later.kind))
		return SMFIS_CONTINUE;
	recorder_message(s, RECORD_REFUSED_HEADER);
	answer = step_answer(ctx, &m->later);
	session_end_message(s);
	return answer;
}

sfsistat
step_eoh(SMFICTX *ctx, struct session *s, const void *none)
{
	(void)none;
	if (is_unjudged(s))
		return refuse_unjudged(ctx, s);
	if (!session_tell_queue_id(ctx, s))
		return fail(ctx, s, no_memory);
	return judge_author(ctx, s);
}

/* Quarantine and header field; NULL, or which of them the MTA refused. */
static const char *
change_message(SMFICTX *ctx, struct session *s)
{
	const struct verdict *verdict = &s->message->verdict;

	if (verdict->kind == VERDICT_HOLD && !step_hold(ctx, verdict))
		return not_held;
	if (s->header && s->message->settings->settings.add_header &&
	    !header_put(ctx, s))
		return no_header;
	return NULL;
}

/* The message is recorded: it is carried out. */
static sfsistat
accept_message(struct session *s)
{
	metrics_count(&s->daemon->metrics, COUNTER_MESSAGES);
	session_end_message(s);
	return SMFIS_CONTINUE;
}

sfsistat
step_eom(SMFICTX *ctx, struct session *s, const void *none)
{
	const char *why;
	sfsistat answer;

	(void)none;
	if (is_unjudged(s))
		return refuse_unjudged(ctx, s);
	if (!session_tell_queue_id(ctx, s))
		return fail(ctx, s, no_memory);
	/* Judged at the end of the header, unless the MTA skipped that. */
	answer = judge_author(ctx, s);
	if (answer != SMFIS_CONTINUE)
		return answer;
	why = change_message(ctx, s);
	if (why != NULL) {
		log_warnx("the MTA would not: %s", why);
		abandon(s);
		return fail(ctx, s, why);
	}
	if (!recorder_message(s, RECORD_MESSAGE))
		return fail(ctx, s, unrecorded);
	s->ending = session_is_open(s);
	return s->ending ? SMFIS_CONTINUE : accept_message(s);
}

sfsistat
step_abort(SMFICTX *ctx, struct session *s, const void *none)
{
	(void)ctx;
	(void)none;
	abandon(s);
	return SMFIS_CONTINUE;
}

static void
free_session(SMFICTX *ctx, struct session *s)
{
	if (!engine_setpriv(ctx, NULL))
		log_warnx("a session that is freed cannot be forgotten");
	session_free(s);
}

sfsistat
step_close(SMFICTX *ctx, struct session *s, const void *none)
{
	(void)none;
	abandon(s);
	s->closed = session_is_open(s);
	if (!s->closed)
		free_session(ctx, s);
	return SMFIS_CONTINUE;
}

sfsistat
step_settled(SMFICTX *ctx, struct session *s, sfsistat answer)
{
	enum recorder_settled what = recorder_settled(s);

	if (what == RECORDER_NOT_YET)
		return answer;
	if (s->ending)
		answer = what == RECORDER_TAKEN ? accept_message(s) :
		    fail(ctx, s, unrecorded);
	s->ending = false;
	if (s->closed)
		free_session(ctx, s);
	return answer;
}
