/*
 * reply.h - the only place that knows both verdicts and SMFIS_*.
 *
 * Threads: the session's.
 */
#ifndef TLSPOLICY_MILTER_SESSION_REPLY_H
#define TLSPOLICY_MILTER_SESSION_REPLY_H

#include "milter/engine/engine.h"
#include "policy/policy.h"

/* Tell the client what a refusing verdict says. */
sfsistat session_reply_send(SMFICTX *, const struct verdict *) NONNULL;

/* 451 4.3.0, for what went wrong outside of any verdict. */
sfsistat session_reply_policy_error(SMFICTX *, const char *text) NONNULL;

/* At the end of a message: into the MTA's quarantine.  False: it did not. */
bool session_reply_hold(SMFICTX *, const struct verdict *) MUST_CHECK NONNULL;

#endif
