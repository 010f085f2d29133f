/*
 * context.h - a session of our engine: what libmilter hides behind the name that
 * callbacks know it by.
 */
#ifndef TLSPOLICY_MILTER_ENGINE_CONTEXT_H
#define TLSPOLICY_MILTER_ENGINE_CONTEXT_H

#include "milter/engine/engine.h"
#include "milter/engine/packet.h"
#include "milter/engine/symbols.h"

/* What came last, in the order of a session. */
enum context_state {
	CONTEXT_NEW,
	CONTEXT_NEGOTIATING, /* while the callback runs */
	CONTEXT_NEGOTIATED,
	CONTEXT_READY, /* for HELO and MAIL */
	CONTEXT_MAIL,
	CONTEXT_RCPT,
	CONTEXT_DATA,
	CONTEXT_HEADER,
	CONTEXT_EOH,
	CONTEXT_BODY,
	CONTEXT_EOM /* while the callback runs, and until it is answered */
};

enum { CONTEXT_LISTS = SMFIM_LAST + 1 };

struct smfi_str {
	const struct context_callbacks *callbacks;
	enum context_state state;
	uint32_t actions;     /* that the MTA was asked for */
	uint32_t steps;	      /* that the milter declines, or does not answer */
	uint32_t steps_known; /* that the MTA knows how to decline, and so on */
	struct symbols symbols;
	char *lists[CONTEXT_LISTS]; /* of macros; NULL: as the MTA likes */
	char *reply;	 /* the text for the next refusal; NULL: none */
	void *data;	 /* the callbacks' own */
	struct packet_buffer *out; /* while a callback runs */
	const char *why; /* the session is broken; a literal */

	/*
	 * While it is parked: the command whose answer waits, or the end of the
	 * session.
	 */
	const struct talk_command *command;
	sfsistat answer;
	int64_t until;
	bool parked, over;
};

struct context_callbacks {
	struct smfiDesc milter;
	engine_settled *settled;
};

static inline bool
context_in_message(const SMFICTX *ctx)
{
	return ctx->state >= CONTEXT_MAIL && ctx->state < CONTEXT_EOM;
}

void context_init(SMFICTX *, const struct context_callbacks *) NONNULL;
/* Frees what the context holds; the callbacks' own data is gone by then. */
void context_free(SMFICTX *) NONNULL;

/* What callbacks call; see engine.h. */
bool context_setsymlist(SMFICTX *, int stage, const char *macros) MUST_CHECK;
bool context_setpriv(SMFICTX *, void *) MUST_CHECK;
void *context_getpriv(SMFICTX *);
const char *context_getsymval(SMFICTX *, const char *name);
bool context_setreply(SMFICTX *, const char *code, const char *dsn,
    const char *const *lines, unsigned n) MUST_CHECK;
bool context_quarantine(SMFICTX *, const char *reason) MUST_CHECK;
bool context_chgheader(SMFICTX *, const char *name, int n, const char *value)
    MUST_CHECK;
bool context_insheader(SMFICTX *, int at, const char *name, const char *value)
    MUST_CHECK;
void context_park(SMFICTX *, int64_t until) NONNULL;

#endif
