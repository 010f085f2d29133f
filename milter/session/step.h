/*
 * step.h - what is done at each step of a session.
 *
 * Threads: the session's; the steps of one session never overlap.
 */
#ifndef TLSPOLICY_MILTER_SESSION_STEP_H
#define TLSPOLICY_MILTER_SESSION_STEP_H

#include "milter/engine/engine.h"
#include "milter/session/session.h"

struct step_field {
	const char *name, *value;
};

/* `arg`: the command's argument, or NULL; a struct step_field of step_header. */
typedef sfsistat step(SMFICTX *, struct session *, const void *arg);

step step_helo, step_mail, step_rcpt, step_data, step_header, step_eoh,
    step_eom, step_abort;
/* MAIL with SMTPUTF8: its replies may hold UTF-8. */
step step_mail_utf8;

/* Frees the session, or leaves that to step_settled(). */
step step_close;

/*
 * The records of the callbacks before are settled, or not in time: what was
 * going to be answered becomes what is answered.  Or else the session is still
 * open, and the answer the same.
 */
sfsistat step_settled(SMFICTX *, struct session *, sfsistat answer);

/* What a refusing verdict says, told to the client. */
sfsistat step_answer(SMFICTX *, const struct verdict *) NONNULL;
/* At the end of a message: into the MTA's quarantine.  False: it did not. */
bool step_hold(SMFICTX *, const struct verdict *) MUST_CHECK NONNULL;

#endif
