/*
 * Each call checks what libmilter checks, so that callbacks are refused the
 * same by both.
 */
#include <stdlib.h>
#include <string.h>

#include "milter/engine/context.h"

enum { LINE_MAX_BYTES = 980, LINES_MAX = 32 };

void
context_init(SMFICTX *ctx, const struct context_callbacks *callbacks)
{
	memset(ctx, 0, sizeof *ctx);
	ctx->callbacks = callbacks;
}

void
context_free(SMFICTX *ctx)
{
	symbols_forget(&ctx->symbols, SYMBOLS_CONNECT);
	for (unsigned i = 0; i < CONTEXT_LISTS; i++)
		free(ctx->lists[i]);
	free(ctx->reply);
}

bool
context_setsymlist(SMFICTX *ctx, int stage, const char *macros)
{
	if (ctx->state != CONTEXT_NEGOTIATING || stage < SMFIM_FIRST ||
	    stage > SMFIM_LAST || ctx->lists[stage] != NULL)
		return false;
	ctx->lists[stage] = strdup(macros);
	return ctx->lists[stage] != NULL;
}

bool
context_setpriv(SMFICTX *ctx, void *data)
{
	ctx->data = data;
	return true;
}

void *
context_getpriv(SMFICTX *ctx)
{
	return ctx->data;
}

const char *
context_getsymval(SMFICTX *ctx, const char *name)
{
	return symbols_find(&ctx->symbols, name);
}

static size_t
digits(const char *s, size_t max)
{
	size_t n = strspn(s, "0123456789");

	return n <= max ? n : 0;
}

/* 5.7.10, of the class of the code (RFC 3463). */
static bool
fits_code(const char *dsn, const char *code)
{
	size_t n;

	if (dsn[0] != code[0] || dsn[1] != '.')
		return false;
	dsn += 2;
	if ((n = digits(dsn, 3)) == 0 || dsn[n] != '.')
		return false;
	dsn += n + 1;
	return (n = digits(dsn, 3)) > 0 && dsn[n] == '\0';
}

/* For the MTA it is a format: a % comes in pairs or not at all. */
static bool
is_line(const char *line)
{
	size_t n = strlen(line);

	if (n > LINE_MAX_BYTES || strpbrk(line, "\r\n") != NULL)
		return false;
	while ((line = strchr(line, '%')) != NULL) {
		if (line[1] != '%')
			return false;
		line += 2;
	}
	return true;
}

static bool
is_reply(const char *code, const char *dsn, const char *const *lines,
    unsigned n)
{
	if ((code[0] != '4' && code[0] != '5') || strlen(code) != 3 ||
	    digits(code, 3) != 3 || !fits_code(dsn, code) || n == 0 ||
	    n > LINES_MAX)
		return false;
	for (unsigned i = 0; i < n; i++)
		if (!is_line(lines[i]))
			return false;
	return true;
}

bool
context_setreply(SMFICTX *ctx, const char *code, const char *dsn,
    const char *const *lines, unsigned n)
{
	size_t size = 0;
	struct text out;

	if (!is_reply(code, dsn, lines, n))
		return false;
	for (unsigned i = 0; i < n; i++)
		size += strlen("550- \r\n") + strlen(dsn) + strlen(lines[i]);
	free(ctx->reply);
	ctx->reply = malloc(size + 1);
	if (ctx->reply == NULL)
		return false;
	text_init(&out, ctx->reply, size + 1);
	for (unsigned i = 0; i < n; i++)
		text_printf(&out, "%s%c%s %s%s", code, i + 1 < n ? '-' : ' ',
		    dsn, lines[i], i + 1 < n ? "\r\n" : "");
	return true;
}

/* Messages are changed at their end, in ways that were agreed on. */
static bool
may(const SMFICTX *ctx, uint32_t action)
{
	return ctx->state == CONTEXT_EOM && ctx->out != NULL &&
	    (ctx->actions & action) != 0;
}

bool
context_quarantine(SMFICTX *ctx, const char *reason)
{
	if (!may(ctx, SMFIF_QUARANTINE) || reason[0] == '\0')
		return false;
	packet_begin(ctx->out, SMFIR_QUARANTINE);
	packet_put_string(ctx->out, reason);
	packet_end(ctx->out);
	return !ctx->out->lost;
}

static bool
put_header(SMFICTX *ctx, char command, int number, const char *name,
    const char *value)
{
	if (name[0] == '\0' || number < 0)
		return false;
	packet_begin(ctx->out, command);
	packet_put_number(ctx->out, (uint32_t)number);
	packet_put_string(ctx->out, name);
	packet_put_string(ctx->out, value);
	packet_end(ctx->out);
	return !ctx->out->lost;
}

bool
context_chgheader(SMFICTX *ctx, const char *name, int n, const char *value)
{
	return may(ctx, SMFIF_CHGHDRS) && put_header(ctx, SMFIR_CHGHEADER, n,
	    name, value == NULL ? "" : value);
}

bool
context_insheader(SMFICTX *ctx, int at, const char *name, const char *value)
{
	return may(ctx, SMFIF_ADDHDRS) && put_header(ctx, SMFIR_INSHEADER, at,
	    name, value);
}

void
context_park(SMFICTX *ctx, int64_t until)
{
	ctx->parked = true;
	ctx->until = until;
}
