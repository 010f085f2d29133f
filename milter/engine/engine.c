/*
 * One engine for the life of the process: a table of its calls.
 */
#include "milter/engine/engine-internal.h"

static const struct engine_calls *engine = &engine_lib;

void
engine_use(int which)
{
	engine = which == ENGINE_OWN ? &engine_own : &engine_lib;
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
