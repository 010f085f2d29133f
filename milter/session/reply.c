/*
 * libmilter takes the text for a format: a % is doubled, or the reply would be
 * refused and the client would get a default one.  It also ignores a reply
 * whose code does not fit the answer, so that the two are checked here.
 *
 * When a reply cannot be set, what is left is a temporary failure.
 */
#include "milter/log.h"
#include "milter/session/reply.h"

enum { LINE_BYTES = 2 * REPLY_LINE_MAX + 1, REASON_BYTES = 500 };

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
session_reply_send(SMFICTX *ctx, const struct verdict *v)
{
	bool permanent = v->kind == VERDICT_REJECT;

	if (v->reply.nlines > 0 && v->reply.code[0] == (permanent ? '5' : '4') &&
	    set_reply(ctx, &v->reply))
		return permanent ? SMFIS_REJECT : SMFIS_TEMPFAIL;
	log_warnx("the reply %s %s could not be set", v->reply.code,
	    v->reply.dsn);
	return SMFIS_TEMPFAIL;
}

sfsistat
session_reply_policy_error(SMFICTX *ctx, const char *text)
{
	if (!engine_setreply(ctx, "451", "4.3.0", &text, 1))
		log_warnx("the reply 451 4.3.0 could not be set");
	return SMFIS_TEMPFAIL;
}

bool
session_reply_hold(SMFICTX *ctx, const struct verdict *v)
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
