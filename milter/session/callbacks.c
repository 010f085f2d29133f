/*
 * run() is around all callbacks: it enters the drain, finds the session and
 * takes the time.  What is done at each step stands in step.c.
 *
 * With an engine that parks, records are handed over and not waited for: the
 * session is parked, inside the drain, and on_settled() has the answer.
 */
#include "milter/log.h"
#include "milter/session/author.h"
#include "milter/session/callbacks.h"
#include "milter/session/negotiate.h"
#include "milter/session/step.h"
#include "policy/policy.h"

/* An engine hands its callbacks no argument of ours. */
static struct daemon *running;

/* Of a connection whose HELO came when there was no memory for a session. */
static struct session no_session;

/* An MTA may go on with a new session after its QUIT: made when needed. */
static struct session *
session_of(SMFICTX *ctx)
{
	struct session *s = engine_getpriv(ctx);
	bool lost = s == &no_session;

	if (s != NULL && !lost)
		return s;
	s = session_new(running);
	if (s == NULL)
		return NULL;
	s->lost_helo = lost;
	if (engine_parks())
		session_watch(s, ctx);
	if (engine_setpriv(ctx, s))
		return s;
	session_free(s);
	return NULL;
}

/*
 * True: the session waits for its records from now on, and stays inside the
 * drain.
 */
static bool
park(SMFICTX *ctx, struct session *s)
{
	if (!session_is_open(s) || s->parked)
		return false;
	s->parked = true;
	engine_park(ctx, s->ticket.until_ms);
	return true;
}

/* `otherwise`: the answer of a daemon that stops or has no memory. */
static sfsistat
run(SMFICTX *ctx, enum callback which, step *handle, const void *arg,
    sfsistat otherwise)
{
	struct session *s;
	int64_t start;
	sfsistat answer = otherwise;

	if (!drain_enter(&running->drain))
		return otherwise;
	start = clock_ns();
	s = session_of(ctx);
	if (s != NULL)
		answer = handle(ctx, s, arg);
	else
		metrics_count(&running->metrics, COUNTER_NO_MEMORY);
	metrics_callback(&running->metrics, which,
	    (uint64_t)(clock_ns() - start));
	/* A session that on_close() has ended may be gone. */
	s = engine_getpriv(ctx);
	if (s == NULL || s == &no_session || !park(ctx, s))
		drain_leave(&running->drain);
	return answer;
}

static sfsistat
on_helo(SMFICTX *ctx, char *helo)
{
	sfsistat answer = run(ctx, CALLBACK_HELO, step_helo, helo,
	    SMFIS_NOREPLY);

	/* Refused: the next callback must not make a session without HELO. */
	if (engine_getpriv(ctx) == NULL && !engine_setpriv(ctx, &no_session))
		log_warnx("a lost HELO cannot be remembered");
	return answer;
}

/* argv: the sender, then the parameters of MAIL (SIZE=, SMTPUTF8), NULL. */
static bool
has_smtputf8(char **argv)
{
	while (*argv != NULL && *++argv != NULL)
		if (slice_is_nocase(slice_of(*argv), "SMTPUTF8"))
			return true;
	return false;
}

static sfsistat
on_mail(SMFICTX *ctx, char **argv)
{
	return run(ctx, CALLBACK_MAIL, has_smtputf8(argv) ? step_mail_utf8 :
	    step_mail, argv[0], SMFIS_TEMPFAIL);
}

static sfsistat
on_rcpt(SMFICTX *ctx, char **argv)
{
	return run(ctx, CALLBACK_RCPT, step_rcpt, argv[0], SMFIS_TEMPFAIL);
}

static sfsistat
on_data(SMFICTX *ctx)
{
	return run(ctx, CALLBACK_DATA, step_data, NULL, SMFIS_CONTINUE);
}

static sfsistat
on_header(SMFICTX *ctx, char *name, char *value)
{
	struct step_field field = { name, value };

	return run(ctx, CALLBACK_HEADER, step_header, &field, SMFIS_NOREPLY);
}

static sfsistat
on_eoh(SMFICTX *ctx)
{
	return run(ctx, CALLBACK_EOH, step_eoh, NULL, SMFIS_TEMPFAIL);
}

static sfsistat
on_eom(SMFICTX *ctx)
{
	return run(ctx, CALLBACK_EOM, step_eom, NULL, SMFIS_TEMPFAIL);
}

static sfsistat
on_abort(SMFICTX *ctx)
{
	return run(ctx, CALLBACK_ABORT, step_abort, NULL, SMFIS_CONTINUE);
}

/* A connection that never got as far as HELO has no session. */
static sfsistat
on_close(SMFICTX *ctx)
{
	const struct session *s = engine_getpriv(ctx);

	if (s == NULL || s == &no_session) {
		(void)!engine_setpriv(ctx, NULL);
		return SMFIS_CONTINUE;
	}
	return run(ctx, CALLBACK_CLOSE, step_close, NULL, SMFIS_CONTINUE);
}

static sfsistat
on_settled(SMFICTX *ctx, sfsistat answer)
{
	struct session *s = engine_getpriv(ctx);

	s->parked = false;
	answer = step_settled(ctx, s, answer);
	s = engine_getpriv(ctx);
	if (s == NULL || !park(ctx, s))
		drain_leave(&running->drain);
	return answer;
}

/* Only a connection that is to see header fields needs a session now. */
static bool
prepare_session(SMFICTX *ctx, struct negotiate_wish *wish)
{
	struct settings_in_force *now =
	    settings_holder_take(&running->settings);
	struct session *s;

	wish->change = now->settings.add_header != 0;
	settings_holder_drop(now);
	wish->author = author_is_asked(running);
	if (!wish->change && !wish->author)
		return true;
	s = session_of(ctx);
	if (s == NULL)
		return false;
	s->header = wish->change;
	s->author = wish->author;
	return true;
}

static sfsistat
on_negotiate(SMFICTX *ctx, unsigned long actions_offered,
    unsigned long steps_offered, unsigned long f2, unsigned long f3,
    unsigned long *actions, unsigned long *steps, unsigned long *pf2,
    unsigned long *pf3)
{
	sfsistat answer = SMFIS_REJECT;
	struct negotiate_wish wish;

	(void)steps_offered;
	(void)f2;
	(void)f3;
	*pf2 = *pf3 = 0;
	if (!drain_enter(&running->drain))
		return answer;
	if (prepare_session(ctx, &wish))
		answer = negotiate(ctx, wish, actions_offered, actions,
		    steps);
	drain_leave(&running->drain);
	return answer;
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
		.xxfi_header = on_header,
		.xxfi_eoh = on_eoh,
		.xxfi_eom = on_eom,
		.xxfi_abort = on_abort,
		.xxfi_close = on_close,
		.xxfi_negotiate = on_negotiate,
	};

	/*
	 * Postfix writes the macros of DATA without waiting for an answer; over
	 * TCP, Nagle's algorithm and delayed acknowledgements then cost 44 ms
	 * a message, unless there is a callback that answers.
	 */
	if (tcp)
		milter.xxfi_data = on_data;
	running = d;
	if (!negotiate_init() || !engine_register(&milter, on_settled))
		return fault_set(fault, FAULT_SOFTWARE,
		    "the engine does not take our callbacks");
	return true;
}
