/*
 * A row for each command: when it may come, what its macros are, who is called.
 *
 * One that comes out of order ends the message that is under way.  HELO and MAIL
 * are then what they always are; of others no notice is taken, as by libmilter,
 * and no MTA that waits for an answer would send them.
 */
#include <stdlib.h>

#include "milter/engine/talk.h"

enum { ARGUMENTS_MAX = 1024 };

#define AFTER(state) (1U << (state))
#define MESSAGE (AFTER(CONTEXT_RCPT) | AFTER(CONTEXT_DATA) | \
	AFTER(CONTEXT_HEADER))

/* Sets ctx->why when the data is none of this command's. */
typedef sfsistat talk_call(SMFICTX *, struct slice data);

struct talk_command {
	char command;
	enum context_state state; /* from then on */
	unsigned after;		  /* states that it may come after */
	bool begins;	/* after any other state, too, by ending a message */
	bool stays;	/* a refusal refuses no more than this command */
	uint32_t unanswered;
	enum symbols_stage forget; /* macros from here on are old */
	talk_call *call;
};

static sfsistat
broken(SMFICTX *ctx, const char *why)
{
	ctx->why = why;
	return SMFIS_NOREPLY;
}

static sfsistat
nobody(SMFICTX *ctx, struct slice data)
{
	(void)ctx;
	(void)data;
	return SMFIS_CONTINUE;
}

/* libmilter's callbacks take text that they may write to. */
static char *
text_of(const char *s)
{
	return (char *)(uintptr_t)s;
}

static sfsistat
call_helo(SMFICTX *ctx, struct slice data)
{
	const char *name;

	if (!packet_string(&data, &name))
		return broken(ctx, "a HELO that has no end");
	return ctx->callbacks->milter.xxfi_helo(ctx, text_of(name));
}

/* An address and its parameters. */
static sfsistat
call_address(SMFICTX *ctx, struct slice data,
    sfsistat (*callback)(SMFICTX *, char **))
{
	char *argv[ARGUMENTS_MAX + 1];
	const char *argument;
	size_t n = 0;

	for (; data.n > 0; n++) {
		if (n == ARGUMENTS_MAX || !packet_string(&data, &argument))
			return broken(ctx, "an address that has no end, or too "
			    "many parameters");
		argv[n] = text_of(argument);
	}
	if (n == 0)
		return broken(ctx, "a command without an address");
	argv[n] = NULL;
	return callback(ctx, argv);
}

static sfsistat
call_mail(SMFICTX *ctx, struct slice data)
{
	return call_address(ctx, data, ctx->callbacks->milter.xxfi_envfrom);
}

static sfsistat
call_rcpt(SMFICTX *ctx, struct slice data)
{
	return call_address(ctx, data, ctx->callbacks->milter.xxfi_envrcpt);
}

static sfsistat
call_data(SMFICTX *ctx, struct slice data)
{
	(void)data;
	return ctx->callbacks->milter.xxfi_data == NULL ? SMFIS_CONTINUE :
	    ctx->callbacks->milter.xxfi_data(ctx);
}

/* What stands behind a NUL in the value is not seen, as with libmilter. */
static sfsistat
call_header(SMFICTX *ctx, struct slice data)
{
	const char *name, *value;

	if (!packet_string(&data, &name) || !packet_string(&data, &value))
		return broken(ctx, "a header that is not a name and a value");
	return ctx->callbacks->milter.xxfi_header(ctx, text_of(name),
	    text_of(value));
}

static sfsistat
call_eoh(SMFICTX *ctx, struct slice data)
{
	(void)data;
	return ctx->callbacks->milter.xxfi_eoh(ctx);
}

static sfsistat
call_eom(SMFICTX *ctx, struct slice data)
{
	(void)data;
	return ctx->callbacks->milter.xxfi_eom(ctx);
}

static const struct talk_command commands[] = {
	{ .command = SMFIC_CONNECT, .state = CONTEXT_READY,
	  .after = AFTER(CONTEXT_NEGOTIATED), .unanswered = SMFIP_NR_CONN,
	  .forget = SYMBOLS_HELO, .call = nobody },
	{ .command = SMFIC_HELO, .state = CONTEXT_READY, .begins = true,
	  .unanswered = SMFIP_NR_HELO, .forget = SYMBOLS_MAIL,
	  .call = call_helo },
	{ .command = SMFIC_MAIL, .state = CONTEXT_MAIL, .begins = true,
	  .unanswered = SMFIP_NR_MAIL, .forget = SYMBOLS_RCPT,
	  .call = call_mail },
	{ .command = SMFIC_RCPT, .state = CONTEXT_RCPT,
	  .after = AFTER(CONTEXT_MAIL) | AFTER(CONTEXT_RCPT), .stays = true,
	  .unanswered = SMFIP_NR_RCPT, .forget = SYMBOLS_DATA,
	  .call = call_rcpt },
	{ .command = SMFIC_DATA, .state = CONTEXT_DATA,
	  .after = AFTER(CONTEXT_RCPT), .unanswered = SMFIP_NR_DATA,
	  .forget = SYMBOLS_STAGES, .call = call_data },
	{ .command = SMFIC_HEADER, .state = CONTEXT_HEADER, .after = MESSAGE,
	  .unanswered = SMFIP_NR_HDR, .forget = SYMBOLS_STAGES,
	  .call = call_header },
	{ .command = SMFIC_EOH, .state = CONTEXT_EOH, .after = MESSAGE,
	  .unanswered = SMFIP_NR_EOH, .forget = SYMBOLS_STAGES,
	  .call = call_eoh },
	{ .command = SMFIC_BODY, .state = CONTEXT_BODY,
	  .after = MESSAGE | AFTER(CONTEXT_EOH) | AFTER(CONTEXT_BODY),
	  .unanswered = SMFIP_NR_BODY, .forget = SYMBOLS_STAGES,
	  .call = nobody },
	{ .command = SMFIC_BODYEOB, .state = CONTEXT_EOM,
	  .after = MESSAGE | AFTER(CONTEXT_EOH) | AFTER(CONTEXT_BODY),
	  .forget = SYMBOLS_STAGES, .call = call_eom },
};

static const struct talk_command *
find(char command)
{
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
		if (commands[i].command == command)
			return &commands[i];
	return NULL;
}

static void
abort_message(SMFICTX *ctx)
{
	if (context_in_message(ctx))
		(void)ctx->callbacks->milter.xxfi_abort(ctx);
	if (ctx->state > CONTEXT_READY)
		ctx->state = CONTEXT_READY;
}

static enum talk
end(SMFICTX *ctx)
{
	abort_message(ctx);
	(void)ctx->callbacks->milter.xxfi_close(ctx);
	symbols_forget(&ctx->symbols, SYMBOLS_CONNECT);
	return ctx->parked ? TALK_PARKED : TALK_OVER;
}

static void
put_answer(char letter, struct packet_buffer *out)
{
	packet_begin(out, letter);
	packet_end(out);
}

static void
put_refusal(SMFICTX *ctx, sfsistat answer, struct packet_buffer *out)
{
	bool permanent = answer == SMFIS_REJECT;

	if (ctx->reply == NULL || ctx->reply[0] != (permanent ? '5' : '4')) {
		put_answer(permanent ? SMFIR_REJECT : SMFIR_TEMPFAIL, out);
		return;
	}
	packet_begin(out, SMFIR_REPLYCODE);
	packet_put_string(out, ctx->reply);
	packet_end(out);
}

/* An MTA that waits for the answer of a step that is not answered gets one. */
static void
answer_unanswered(const SMFICTX *ctx, const struct talk_command *c,
    struct packet_buffer *out)
{
	if ((ctx->steps & c->unanswered) != 0 &&
	    (ctx->steps_known & c->unanswered) == 0)
		put_answer(SMFIR_CONTINUE, out);
}

static enum talk
conclude(SMFICTX *ctx, const struct talk_command *c, sfsistat answer,
    struct packet_buffer *out)
{
	if ((ctx->steps & c->unanswered) != 0)
		answer = SMFIS_NOREPLY;
	switch (answer) {
	case SMFIS_CONTINUE:
		put_answer(SMFIR_CONTINUE, out);
		break;
	case SMFIS_REJECT:
	case SMFIS_TEMPFAIL:
		put_refusal(ctx, answer, out);
		if (!c->stays)
			ctx->state = CONTEXT_READY;
		break;
	default:
		answer_unanswered(ctx, c, out);
		break;
	}
	/* A reply that no refusal took is not for the next one. */
	free(ctx->reply);
	ctx->reply = NULL;
	if (ctx->state == CONTEXT_EOM)
		ctx->state = CONTEXT_READY;
	if (!out->lost)
		return TALK_ON;
	ctx->why = "no memory for an answer";
	return TALK_BROKEN;
}

static enum talk
abort_command(SMFICTX *ctx)
{
	abort_message(ctx);
	ctx->command = NULL;
	return ctx->parked ? TALK_PARKED : TALK_ON;
}

static enum talk
run(SMFICTX *ctx, const struct talk_command *c, struct slice data,
    struct packet_buffer *out)
{
	sfsistat answer;

	if (ctx->state < CONTEXT_NEGOTIATED) {
		ctx->why = "a command before the negotiation";
		return TALK_BROKEN;
	}
	if ((c->after & AFTER(ctx->state)) == 0) {
		if (!c->begins)
			return abort_command(ctx);
		abort_message(ctx);
	}
	ctx->state = c->state;
	symbols_forget(&ctx->symbols, c->forget);
	ctx->out = out;
	answer = c->call(ctx, data);
	ctx->out = NULL;
	if (ctx->why != NULL)
		return TALK_BROKEN;
	if (!ctx->parked)
		return conclude(ctx, c, answer, out);
	ctx->command = c;
	ctx->answer = answer;
	return TALK_PARKED;
}

static enum talk
take_macros(SMFICTX *ctx, struct slice data)
{
	static const char stages[SYMBOLS_STAGES] = { SMFIC_CONNECT, SMFIC_HELO,
		SMFIC_MAIL, SMFIC_RCPT, SMFIC_DATA, SMFIC_EOH, SMFIC_BODYEOB };

	for (unsigned i = 0; data.n > 0 && i < SYMBOLS_STAGES; i++)
		if (data.p[0] == stages[i])
			switch (symbols_take(&ctx->symbols,
			    (enum symbols_stage)i, slice_from(data, 1))) {
			case SYMBOLS_TAKEN:
				return TALK_ON;
			case SYMBOLS_NO_MEMORY:
				ctx->why = "no memory for macros";
				return TALK_BROKEN;
			case SYMBOLS_BAD:
				ctx->why = "macros that are not names and "
				    "values";
				return TALK_BROKEN;
			}
	/* Macros of a command that has no callback of ours. */
	if (data.n > 0 && (data.p[0] == SMFIC_UNKNOWN ||
	    data.p[0] == SMFIC_HEADER || data.p[0] == SMFIC_BODY ||
	    data.p[0] == SMFIC_ABORT))
		return TALK_ON;
	ctx->why = "macros of no command";
	return TALK_BROKEN;
}

static enum talk
negotiate(SMFICTX *ctx, struct slice data, struct packet_buffer *out)
{
	ctx->why = ctx->state != CONTEXT_NEW ? "a second negotiation" :
	    talk_negotiate(ctx, data, out);
	if (ctx->why == NULL && out->lost)
		ctx->why = "no memory for an answer";
	return ctx->why == NULL ? TALK_ON : TALK_BROKEN;
}

/* A new session on the same connection, as negotiated. */
static enum talk
begin_again(SMFICTX *ctx)
{
	enum talk result = end(ctx);

	if (ctx->state > CONTEXT_NEGOTIATED)
		ctx->state = CONTEXT_NEGOTIATED;
	if (result == TALK_PARKED)
		ctx->command = NULL;
	return result == TALK_PARKED ? TALK_PARKED : TALK_ON;
}

enum talk
talk_packet(SMFICTX *ctx, const struct packet *packet,
    struct packet_buffer *out)
{
	const struct talk_command *c;

	switch (packet->command) {
	case SMFIC_OPTNEG:
		return negotiate(ctx, packet->data, out);
	case SMFIC_MACRO:
		return take_macros(ctx, packet->data);
	case SMFIC_ABORT:
		return abort_command(ctx);
	case SMFIC_UNKNOWN:
		put_answer(SMFIR_CONTINUE, out);
		return TALK_ON;
	case SMFIC_QUIT_NC:
		return begin_again(ctx);
	case SMFIC_QUIT:
		return talk_end(ctx);
	}
	if ((c = find(packet->command)) != NULL)
		return run(ctx, c, packet->data, out);
	ctx->why = "an unknown command";
	return TALK_BROKEN;
}

enum talk
talk_settled(SMFICTX *ctx, struct packet_buffer *out)
{
	const struct talk_command *c = ctx->command;
	sfsistat answer;

	ctx->parked = false;
	answer = ctx->callbacks->settled(ctx, ctx->answer);
	if (ctx->parked) {
		ctx->answer = answer;
		return TALK_PARKED;
	}
	if (ctx->over)
		return TALK_OVER;
	ctx->command = NULL;
	return c == NULL ? TALK_ON : conclude(ctx, c, answer, out);
}

enum talk
talk_end(SMFICTX *ctx)
{
	ctx->over = true;
	return end(ctx);
}
