/*
 * Each callback fills in facts, asks, and answers; run() is around all of them.
 *
 * No answer is ever ACCEPT: at MAIL it would keep the end of the message from
 * us, and with it the record.  Nothing is refused before MAIL: that would
 * stick to the whole session and take STARTTLS away from the client.
 */
#include <time.h>

#include "milter/callbacks.h"
#include "milter/gather.h"
#include "milter/judge.h"
#include "milter/log.h"
#include "milter/negotiate.h"
#include "milter/recorder.h"
#include "milter/reply.h"

/* libmilter hands its callbacks no argument of ours. */
static struct daemon *running;

typedef sfsistat handler(SMFICTX *, struct session *, const char *);

static const char no_memory[] = "out of memory, try again later";
static const char unrecorded[] =
    "this message cannot be recorded now, try again later";
static const char unjudged[] =
    "this message has not been judged, try again later";

static uint64_t
nanoseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* An MTA may go on with a new session after its QUIT: made when needed. */
static struct session *
session_of(SMFICTX *ctx)
{
	struct session *s = smfi_getpriv(ctx);

	if (s != NULL)
		return s;
	s = session_new(running);
	if (s != NULL && smfi_setpriv(ctx, s) != MI_SUCCESS) {
		session_free(s);
		s = NULL;
	}
	return s;
}

/* `otherwise`: the answer of a daemon that stops or has no memory. */
static sfsistat
run(SMFICTX *ctx, enum callback which, handler *handle, const char *arg,
    sfsistat otherwise)
{
	struct session *s;
	uint64_t start;
	sfsistat answer = otherwise;

	if (!gate_enter(&running->gate))
		return otherwise;
	start = nanoseconds();
	s = session_of(ctx);
	if (s != NULL)
		answer = handle(ctx, s, arg);
	else
		metrics_count(&running->metrics, COUNTER_NO_MEMORY);
	metrics_callback(&running->metrics, which, nanoseconds() - start);
	gate_leave(&running->gate);
	return answer;
}

static sfsistat
fail(SMFICTX *ctx, struct session *s, const char *text)
{
	if (text == no_memory)
		metrics_count(&s->daemon->metrics, COUNTER_NO_MEMORY);
	if (s->message != NULL)
		session_end_message(s);
	return reply_policy_error(ctx, text);
}

/* A message that was judged and that the client did not end. */
static void
abandon(struct session *s)
{
	if (s->message == NULL)
		return;
	recorder_message(s, RECORD_ABORTED);
	session_end_message(s);
}

static sfsistat
at_helo(SMFICTX *ctx, struct session *s, const char *helo)
{
	(void)ctx;
	abandon(s);
	session_set_helo(s, helo);
	return SMFIS_NOREPLY;
}

static sfsistat
at_mail(SMFICTX *ctx, struct session *s, const char *sender)
{
	sfsistat answer;

	abandon(s);
	if (session_begin_message(s) == NULL || !gather_mail(ctx, s, sender))
		return fail(ctx, s, no_memory);
	judge_mail(s);
	if (!judge_refuses(&s->message->verdict))
		return SMFIS_CONTINUE;
	recorder_message(s, RECORD_REFUSED_MAIL);
	answer = reply_send(ctx, &s->message->verdict);
	session_end_message(s);
	return answer;
}

static sfsistat
at_rcpt(SMFICTX *ctx, struct session *s, const char *recipient)
{
	struct verdict verdict;

	if (s->message == NULL)
		return fail(ctx, s, unjudged);
	if (!gather_rcpt(ctx, s, recipient))
		return fail(ctx, s, no_memory);
	judge_rcpt(s, &verdict);
	if (judge_refuses(&verdict)) {
		recorder_refused_rcpt(s, &verdict, judge_clock());
		return reply_send(ctx, &verdict);
	}
	if (!session_add_rcpt(s, &verdict))
		return fail(ctx, s, no_memory);
	if (verdict.kind == VERDICT_HOLD)
		session_adopt_hold(s, &verdict);
	return SMFIS_CONTINUE;
}

static sfsistat
at_data(SMFICTX *ctx, struct session *s, const char *none)
{
	(void)ctx;
	(void)s;
	(void)none;
	return SMFIS_CONTINUE;
}

static sfsistat
at_eom(SMFICTX *ctx, struct session *s, const char *none)
{
	(void)none;
	if (s->message == NULL)
		return fail(ctx, s, unjudged);
	if (!gather_queue_id(ctx, s))
		return fail(ctx, s, no_memory);
	if (s->message->verdict.kind == VERDICT_HOLD &&
	    !reply_hold(ctx, &s->message->verdict)) {
		log_warnx("the MTA would not hold a message");
		abandon(s);
		return fail(ctx, s, "this message cannot be held now, "
		    "try again later");
	}
	if (!recorder_message(s, RECORD_MESSAGE))
		return fail(ctx, s, unrecorded);
	metrics_count(&s->daemon->metrics, COUNTER_MESSAGES);
	session_end_message(s);
	return SMFIS_CONTINUE;
}

static sfsistat
at_abort(SMFICTX *ctx, struct session *s, const char *none)
{
	(void)ctx;
	(void)none;
	abandon(s);
	return SMFIS_CONTINUE;
}

static sfsistat
at_close(SMFICTX *ctx, struct session *s, const char *none)
{
	(void)none;
	abandon(s);
	smfi_setpriv(ctx, NULL);
	session_free(s);
	return SMFIS_CONTINUE;
}

static sfsistat
on_helo(SMFICTX *ctx, char *helo)
{
	return run(ctx, CALLBACK_HELO, at_helo, helo, SMFIS_NOREPLY);
}

static sfsistat
on_mail(SMFICTX *ctx, char **argv)
{
	return run(ctx, CALLBACK_MAIL, at_mail, argv[0], SMFIS_TEMPFAIL);
}

static sfsistat
on_rcpt(SMFICTX *ctx, char **argv)
{
	return run(ctx, CALLBACK_RCPT, at_rcpt, argv[0], SMFIS_TEMPFAIL);
}

static sfsistat
on_data(SMFICTX *ctx)
{
	return run(ctx, CALLBACK_DATA, at_data, NULL, SMFIS_CONTINUE);
}

static sfsistat
on_eom(SMFICTX *ctx)
{
	return run(ctx, CALLBACK_EOM, at_eom, NULL, SMFIS_TEMPFAIL);
}

static sfsistat
on_abort(SMFICTX *ctx)
{
	return run(ctx, CALLBACK_ABORT, at_abort, NULL, SMFIS_CONTINUE);
}

/* A connection that never got as far as HELO has no session. */
static sfsistat
on_close(SMFICTX *ctx)
{
	if (smfi_getpriv(ctx) == NULL)
		return SMFIS_CONTINUE;
	return run(ctx, CALLBACK_CLOSE, at_close, NULL, SMFIS_CONTINUE);
}

bool
callbacks_register(struct daemon *d, bool tcp, struct fault *fault)
{
	struct smfiDesc milter = {
		.xxfi_name = "tlspolicy",
		.xxfi_version = SMFI_VERSION,
		.xxfi_flags = SMFIF_SETSYMLIST | SMFIF_QUARANTINE,
		.xxfi_helo = on_helo,
		.xxfi_envfrom = on_mail,
		.xxfi_envrcpt = on_rcpt,
		.xxfi_eom = on_eom,
		.xxfi_abort = on_abort,
		.xxfi_close = on_close,
		.xxfi_negotiate = negotiate,
	};

	/*
	 * Postfix writes the macros of DATA without waiting for an answer; over
	 * TCP, Nagle's algorithm and delayed acknowledgements then cost 44 ms
	 * a message, unless there is a callback that answers.
	 */
	if (tcp)
		milter.xxfi_data = on_data;
	running = d;
	if (!negotiate_init() || smfi_register(milter) != MI_SUCCESS)
		return fault_set(fault, FAULT_SOFTWARE,
		    "libmilter does not take our callbacks");
	return true;
}
