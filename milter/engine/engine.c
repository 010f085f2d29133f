/*
 * One engine for the life of the process: a table of its calls.  Ours is in
 * own.c; libmilter is the one below.  Its prototypes are from 1999 and lack
 * const; it writes to none of what it is given.
 */
#include <stdint.h>

#include "milter/engine/engine-internal.h"

static char *
text_of(const char *s)
{
	return (char *)(uintptr_t)s;
}

static bool
enlist(const struct smfiDesc *callbacks, engine_settled *settled)
{
	(void)settled; /* its callbacks wait */
	return smfi_register(*callbacks) == MI_SUCCESS;
}

static bool
setsymlist(SMFICTX *ctx, int stage, const char *macros)
{
	return smfi_setsymlist(ctx, stage, text_of(macros)) == MI_SUCCESS;
}

static bool
setpriv(SMFICTX *ctx, void *data)
{
	return smfi_setpriv(ctx, data) == MI_SUCCESS;
}

static void *
getpriv(SMFICTX *ctx)
{
	return smfi_getpriv(ctx);
}

static const char *
getsymval(SMFICTX *ctx, const char *name)
{
	return smfi_getsymval(ctx, text_of(name));
}

static bool
setreply(SMFICTX *ctx, const char *code, const char *dsn,
    const char *const *lines, unsigned n)
{
	char *line[REPLY_LINES_MAX] = { NULL };

	if (n == 1)
		return smfi_setreply(ctx, text_of(code), text_of(dsn),
		    text_of(lines[0])) == MI_SUCCESS;
	for (unsigned i = 0; i < n && i < REPLY_LINES_MAX; i++)
		line[i] = text_of(lines[i]);
	return smfi_setmlreply(ctx, code, dsn, line[0], line[1], line[2],
	    line[3], line[4], line[5], NULL) == MI_SUCCESS;
}

static bool
quarantine(SMFICTX *ctx, const char *reason)
{
	return smfi_quarantine(ctx, text_of(reason)) == MI_SUCCESS;
}

static bool
chgheader(SMFICTX *ctx, const char *name, int n, const char *value)
{
	return smfi_chgheader(ctx, text_of(name), n, text_of(value)) ==
	    MI_SUCCESS;
}

static bool
insheader(SMFICTX *ctx, int at, const char *name, const char *value)
{
	return smfi_insheader(ctx, at, text_of(name), text_of(value)) ==
	    MI_SUCCESS;
}

static const struct engine_calls lib = {
	.enlist = enlist,
	.setsymlist = setsymlist,
	.setpriv = setpriv,
	.getpriv = getpriv,
	.getsymval = getsymval,
	.setreply = setreply,
	.quarantine = quarantine,
	.chgheader = chgheader,
	.insheader = insheader,
};

static const struct engine_calls *engine = &lib;

void
engine_use(int which)
{
	engine = which == ENGINE_OWN ? &engine_own : &lib;
}

bool
engine_register(const struct smfiDesc *callbacks, engine_settled *settled)
{
	return engine->enlist(callbacks, settled);
}

bool
engine_setsymlist(SMFICTX *ctx, int stage, const char *macros)
{
	return engine->setsymlist(ctx, stage, macros);
}

bool
engine_setpriv(SMFICTX *ctx, void *data)
{
	return engine->setpriv(ctx, data);
}

void *
engine_getpriv(SMFICTX *ctx)
{
	return engine->getpriv(ctx);
}

const char *
engine_getsymval(SMFICTX *ctx, const char *name)
{
	return engine->getsymval(ctx, name);
}

bool
engine_setreply(SMFICTX *ctx, const char *code, const char *dsn,
    const char *const *lines, unsigned n)
{
	return engine->setreply(ctx, code, dsn, lines, n);
}

bool
engine_quarantine(SMFICTX *ctx, const char *reason)
{
	return engine->quarantine(ctx, reason);
}

bool
engine_chgheader(SMFICTX *ctx, const char *name, int n, const char *value)
{
	return engine->chgheader(ctx, name, n, value);
}

bool
engine_insheader(SMFICTX *ctx, int at, const char *name, const char *value)
{
	return engine->insheader(ctx, at, name, value);
}

bool
engine_parks(void)
{
	return engine->park != NULL;
}

void
engine_park(SMFICTX *ctx, int64_t until)
{
	engine->park(ctx, until);
}

void
engine_wake(SMFICTX *ctx)
{
	engine->wake(ctx);
}
