/*
 * step.h - what is done at each step of a session.
 *
 * Threads: the session's; the steps of one session never overlap.
 */
#ifndef TLSPOLICY_MILTER_SESSION_STEP_H
#define TLSPOLICY_MILTER_SESSION_STEP_H

#include <libmilter/mfapi.h>

#include "milter/session/session.h"

/* `arg`: the command's argument, a field's name, or NULL. */
typedef sfsistat step(SMFICTX *, struct session *, const char *arg);

step step_helo, step_mail, step_rcpt, step_data, step_header, step_eom,
    step_abort;
/* MAIL with SMTPUTF8: its replies may hold UTF-8. */
step step_mail_utf8;

/* Frees the session. */
step step_close;

#endif
