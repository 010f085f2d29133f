/*
 * macros.h - from what the MTA told to the facts of a message.
 *
 * Everything is read anew for each message, at MAIL: a client that sends no
 * EHLO after STARTTLS never triggers the macros of HELO.
 *
 * False: out of memory.  Threads: the session's.
 */
#ifndef TLSPOLICY_MILTER_SESSION_MACROS_H
#define TLSPOLICY_MILTER_SESSION_MACROS_H

#include "milter/engine/engine.h"
#include "milter/session/session.h"

bool macros_mail(SMFICTX *, struct session *, const char *sender)
    MUST_CHECK;
bool macros_rcpt(SMFICTX *, struct session *, const char *recipient)
    MUST_CHECK;
/* The queue id as it is now: Postfix has none before the first recipient. */
bool macros_queue_id(SMFICTX *, struct session *) MUST_CHECK NONNULL;

#endif
