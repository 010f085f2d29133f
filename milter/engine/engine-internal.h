/*
 * engine-internal.h - what an engine is; private to engine.h.
 */
#ifndef TLSPOLICY_MILTER_ENGINE_ENGINE_INTERNAL_H
#define TLSPOLICY_MILTER_ENGINE_ENGINE_INTERNAL_H

#include "milter/engine/engine.h"

struct engine_calls {
	bool (*enlist)(const struct smfiDesc *, engine_settled *);
	bool (*setsymlist)(SMFICTX *, int stage, const char *macros);
	bool (*setpriv)(SMFICTX *, void *);
	void *(*getpriv)(SMFICTX *);
	const char *(*getsymval)(SMFICTX *, const char *name);
	bool (*setreply)(SMFICTX *, const char *code, const char *dsn,
	    const char *const *lines, unsigned n);
	bool (*quarantine)(SMFICTX *, const char *reason);
	bool (*chgheader)(SMFICTX *, const char *name, int n,
	    const char *value);
	bool (*insheader)(SMFICTX *, int at, const char *name,
	    const char *value);
	/* NULL: it does not park. */
	void (*park)(SMFICTX *, int64_t until);
	void (*wake)(SMFICTX *);
};

extern const struct engine_calls engine_own;

#endif
