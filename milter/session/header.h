/*
 * header.h - the header field that the setting add-header asks for.
 *
 *     TLSPolicy-Result: mx.example.org; verdict=accept;
 *             version=TLSv1.3; cipher=TLS_AES_256_GCM_SHA384; bits=256;
 *             verify=OK; cn="mail.example.com"; rule="TLS_Clt:example.com"
 *
 * The MTA's name, then what the session was and what the policy said of it.
 * Everything from outside is printable ASCII in quotes.  Fields of that name
 * that the message brought along are removed: below this MTA the field can be
 * believed.
 *
 * Threads: the session's.
 */
#ifndef TLSPOLICY_MILTER_SESSION_HEADER_H
#define TLSPOLICY_MILTER_SESSION_HEADER_H

#include "milter/engine/engine.h"
#include "milter/session/session.h"

/* To be called for each header field of the message. */
void header_look(struct message *, const char *name) NONNULL;

/* At the end of the message.  False: the MTA would not. */
bool header_put(SMFICTX *, struct session *) MUST_CHECK NONNULL;

#endif
