/*
 * The order of an SMTP session is one table.  A sendmail process writes macros
 * and command by two system calls and sends the macros of steps that it leaves
 * out, too; Postfix does neither.
 */
#include <libmilter/mfapi.h>
#include <libmilter/mfdef.h>

#include <string.h>

#include "t/bench/session.h"

enum step {
	STEP_OFFER,
	STEP_CONNECT,
	STEP_HELO,
	STEP_MAIL,
	STEP_RCPT,
	STEP_DATA,
	STEP_FROM_HEADER,
	STEP_TO_HEADER,
	STEP_SUBJECT,
	STEP_EOH,
	STEP_BODY,
	STEP_EOM,
	STEP_ABORT,
	STEP_QUIT,
	STEPS
};

typedef void write_fn(struct session *, struct wire_out *);

static void
write_connect(struct session *s, struct wire_out *w)
{
	bool tag = s->plan.ipv6 && s->run->terms.mta == MTA_SENDMAIL;

	wire_string(w, s->plan.client_name);
	wire_char(w, s->plan.ipv6 ? '6' : '4');
	wire_u16(w, 1024 + (unsigned)(s->mta.number % 60000));
	wire_text(w, tag ? "IPv6:" : "");
	wire_string(w, s->plan.client_addr);
}

static void
write_helo(struct session *s, struct wire_out *w)
{
	wire_string(w, s->plan.client_name);
}

static void
write_mailbox(struct wire_out *w, const char *mailbox)
{
	wire_char(w, '<');
	wire_text(w, mailbox);
	wire_string(w, ">");
}

static void
write_mail(struct session *s, struct wire_out *w)
{
	write_mailbox(w, s->plan.sender);
	wire_string(w, "SIZE=12345");
}

static void
write_rcpt(struct session *s, struct wire_out *w)
{
	write_mailbox(w, s->plan.recipient);
}

static void
write_from(struct session *s, struct wire_out *w)
{
	wire_string(w, "From");
	wire_string(w, s->plan.sender);
}

static void
write_to(struct session *s, struct wire_out *w)
{
	wire_string(w, "To");
	wire_string(w, s->plan.recipient);
}

static void
write_subject(struct session *s, struct wire_out *w)
{
	(void)s;
	wire_string(w, "Subject");
	wire_string(w, "Minutes of the meeting");
}

static void
write_body(struct session *s, struct wire_out *w)
{
	(void)s;
	for (int line = 0; line < 20; line++)
		wire_text(w, "The quick brown fox jumps over the lazy dog.\r\n");
}

static const struct row {
	char command;
	int stage;		/* of the macros that go before; -1: none */
	unsigned long without;	/* SMFIP_*: the milter wants no such step */
	unsigned long silent;	/* SMFIP_*: it will not answer it */
	write_fn *write;
} rows[STEPS] = {
	[STEP_OFFER] = { SMFIC_OPTNEG, -1, 0, 0, NULL },
	[STEP_CONNECT] = { SMFIC_CONNECT, SMFIM_CONNECT, SMFIP_NOCONNECT,
	    SMFIP_NR_CONN, write_connect },
	[STEP_HELO] = { SMFIC_HELO, SMFIM_HELO, SMFIP_NOHELO, SMFIP_NR_HELO,
	    write_helo },
	[STEP_MAIL] = { SMFIC_MAIL, SMFIM_ENVFROM, SMFIP_NOMAIL,
	    SMFIP_NR_MAIL, write_mail },
	[STEP_RCPT] = { SMFIC_RCPT, SMFIM_ENVRCPT, SMFIP_NORCPT,
	    SMFIP_NR_RCPT, write_rcpt },
	[STEP_DATA] = { SMFIC_DATA, SMFIM_DATA, SMFIP_NODATA, SMFIP_NR_DATA,
	    NULL },
	[STEP_FROM_HEADER] = { SMFIC_HEADER, -1, SMFIP_NOHDRS, SMFIP_NR_HDR,
	    write_from },
	[STEP_TO_HEADER] = { SMFIC_HEADER, -1, SMFIP_NOHDRS, SMFIP_NR_HDR,
	    write_to },
	[STEP_SUBJECT] = { SMFIC_HEADER, -1, SMFIP_NOHDRS, SMFIP_NR_HDR,
	    write_subject },
	[STEP_EOH] = { SMFIC_EOH, SMFIM_EOH, SMFIP_NOEOH, SMFIP_NR_EOH, NULL },
	[STEP_BODY] = { SMFIC_BODY, -1, SMFIP_NOBODY, SMFIP_NR_BODY,
	    write_body },
	[STEP_EOM] = { SMFIC_BODYEOB, SMFIM_EOM, 0, 0, NULL },
	[STEP_ABORT] = { SMFIC_ABORT, -1, 0, ~0UL, NULL },
	[STEP_QUIT] = { SMFIC_QUIT, -1, 0, ~0UL, NULL },
};

/* Write step's packets; false: the milter is gone. */
static bool
send_step(struct session *s, const struct row *r, bool left_out)
{
	struct wire_out w;
	bool sendmail = s->run->terms.mta == MTA_SENDMAIL;

	w.used = 0;
	if (r->command == SMFIC_OPTNEG)
		mta_offer(&w);
	if (r->stage >= 0 && (sendmail || !left_out))
		mta_macros(
		    &w, &s->run->terms, r->stage, r->command, &s->mta);
	if (sendmail && w.used > 0 && !wire_send(&w, s->fd))
		return false;
	if (!left_out && r->command != SMFIC_OPTNEG) {
		wire_begin(&w, r->command);
		if (r->write != NULL)
			r->write(s, &w);
		wire_end(&w);
	}
	s->since = stats_clock();
	return wire_send(&w, s->fd);
}

static enum session_state
broken(struct session *s)
{
	s->run->broken++;
	return SESSION_ENDED;
}

/*
 * The message is through, or refused: the next one, or the end.  An MTA sends
 * ABORT for what it began and did not end, never after the end of a message.
 */
static void
end_message(struct session *s)
{
	s->run->sent++;
	s->message++;
	if (s->message >= s->run->messages)
		s->step = STEP_QUIT;
	else if (s->step == STEP_EOM) {
		s->mta.recipients = 0;
		s->step = STEP_MAIL;
	} else
		s->step = STEP_ABORT;
}

static void
advance(struct session *s)
{
	unsigned last = s->run->data ? STEP_EOM : STEP_RCPT;

	if (s->step == last)
		end_message(s);
	else if (s->step == STEP_ABORT) {
		s->mta.recipients = 0;
		s->step = STEP_MAIL;
	} else
		s->step++;
}

/* Whether the SMTP client pauses before this step. */
static bool
pauses(const struct session *s)
{
	switch (s->step) {
	case STEP_MAIL:
		return s->pause;
	case STEP_HELO:
	case STEP_RCPT:
	case STEP_DATA:
	case STEP_FROM_HEADER:
	case STEP_QUIT:
		return s->pause && s->run->each;
	default:
		return false;
	}
}

/* Send steps until one is answered by the milter, or the session rests. */
static enum session_state
proceed(struct session *s, bool paused)
{
	for (;;) {
		const struct row *r = &rows[s->step];
		bool left_out = (s->run->terms.steps & r->without) != 0;

		if (s->step == STEP_MAIL && s->idle)
			return SESSION_RESTS;
		if (!paused && pauses(s))
			return SESSION_PAUSES;
		paused = false;
		if (!send_step(s, r, left_out))
			return broken(s);
		if (s->step == STEP_QUIT) {
			s->run->sessions++;
			return SESSION_ENDED;
		}
		if (!left_out && (s->run->terms.steps & r->silent) == 0)
			return SESSION_WAITS;
		advance(s);
	}
}

enum session_state
session_start(struct session *s, struct session_run *run, int fd)
{
	s->run = run;
	s->fd = fd;
	s->step = STEP_OFFER;
	s->message = 0;
	s->in.used = s->in.gone = 0;
	s->mta.plan = &s->plan;
	s->mta.number = run->next++;
	s->mta.recipients = 0;
	plan_session(&s->plan, run->seed, run->rules, run->refused,
	    s->mta.number);
	return proceed(s, false);
}

enum session_state
session_go(struct session *s)
{
	return proceed(s, true);
}

static void
count_reply(struct session *s, unsigned char reply)
{
	uint64_t took = stats_clock() - s->since;

	if (s->step == STEP_MAIL) {
		stats_add(&s->run->mail, took);
		s->run->verdict[0][reply]++;
	} else if (s->step == STEP_RCPT) {
		stats_add(&s->run->rcpt, took);
		s->run->verdict[1][reply]++;
	} else if (s->step == STEP_EOM) {
		stats_add(&s->run->eom, took);
		s->run->verdict[2][reply]++;
	}
}

/* What the MTA does next after the milter's answer to a step. */
static enum session_state
answered(struct session *s, char reply)
{
	count_reply(s, (unsigned char)reply);
	switch (reply) {
	case SMFIR_CONTINUE:
		if (s->step == STEP_RCPT)
			s->mta.recipients++;
		advance(s);
		break;
	case SMFIR_SKIP:
		advance(s);
		break;
	case SMFIR_ACCEPT:
	case SMFIR_REJECT:
	case SMFIR_TEMPFAIL:
	case SMFIR_REPLYCODE:
	case SMFIR_DISCARD:
		if (s->step < STEP_MAIL)
			s->step = STEP_QUIT;
		else
			end_message(s);
		break;
	default:
		return broken(s);
	}
	return proceed(s, false);
}

/* Packets that announce a change or more time, and are no answer yet. */
static bool
is_prelude(const struct session *s, char command)
{
	return command == SMFIR_PROGRESS ||
	    (s->step == STEP_EOM &&
		strchr("+-2behimq", command) != NULL);
}

enum session_state
session_read(struct session *s)
{
	struct wire_packet p;
	enum session_state state = SESSION_WAITS;

	if (!wire_fill(&s->in, s->fd))
		return broken(s);
	while (state == SESSION_WAITS && wire_next(&s->in, &p)) {
		if (s->step == STEP_OFFER) {
			if (!mta_agree(&s->run->terms, &p))
				return broken(s);
			s->step++;
			state = proceed(s, false);
		} else if (!is_prelude(s, p.command))
			state = answered(s, p.command);
	}
	return state;
}
