/*
 * engine.h - who speaks the milter protocol: libmilter, or ours (the setting
 * engine).
 *
 * What callbacks call of libmilter's stands here under another name, with the
 * same words and results; the callbacks do not know who calls them.  A context
 * belongs to the engine that handed it out.
 *
 * libmilter's callbacks may wait, each in a thread of its own.  With our engine
 * one thread serves thousands of sessions: a callback that has to wait parks
 * its session instead and returns; its answer is sent when it was woken and the
 * callback `settled` has had the last word.
 *
 * Threads: engine_use() and engine_register() before there are any; the calls
 * with a context belong to the thread that runs the callback; engine_wake() any.
 */
#ifndef TLSPOLICY_MILTER_ENGINE_ENGINE_H
#define TLSPOLICY_MILTER_ENGINE_ENGINE_H

#include <libmilter/mfapi.h>

#include "policy/policy.h"

/*
 * For a parked session: what `answer`, which its callback gave, becomes now.
 * Called once after each time that engine_park() was called, in a thread of the
 * engine's.  May park again.
 */
typedef sfsistat engine_settled(SMFICTX *, sfsistat answer);

/* `engine`: a value of that setting. */
void engine_use(int engine);
/* As smfi_register(3). */
bool engine_register(const struct smfiDesc *, engine_settled *) MUST_CHECK
    NONNULL;

/* As the functions of libmilter that are called so. */
bool engine_setsymlist(SMFICTX *, int stage, const char *macros) MUST_CHECK;
bool engine_setpriv(SMFICTX *, void *) MUST_CHECK;
void *engine_getpriv(SMFICTX *);
const char *engine_getsymval(SMFICTX *, const char *name);
/* smfi_setmlreply(3); `n` lines, at least one. */
bool engine_setreply(SMFICTX *, const char *code, const char *dsn,
    const char *const *lines, unsigned n) MUST_CHECK;
bool engine_quarantine(SMFICTX *, const char *reason) MUST_CHECK;
/* value NULL: the n-th field of that name is removed. */
bool engine_chgheader(SMFICTX *, const char *name, int n, const char *value)
    MUST_CHECK;
bool engine_insheader(SMFICTX *, int at, const char *name, const char *value)
    MUST_CHECK;

/* False: callbacks wait, and nothing is parked. */
bool engine_parks(void) MUST_CHECK;
/* The session of the callback that runs; until woken, or `until` (clock_ms()). */
void engine_park(SMFICTX *, int64_t until) NONNULL;
/*
 * Wakes a parked session, once, without waiting.  From then on `settled` may
 * run.
 */
void engine_wake(SMFICTX *) NONNULL;

#endif
