/*
 * author.h - whom a message's header says that it is from, and the rules of
 * TLS_Header about that.
 *
 * MTAs show header fields only to connections that asked for them when they
 * began, which is done where there are such rules.  A message of a connection
 * that began before them has a header that nobody saw: it cannot be told whom it
 * is from.
 *
 * Threads: the session's.
 */
#ifndef TLSPOLICY_MILTER_SESSION_AUTHOR_H
#define TLSPOLICY_MILTER_SESSION_AUTHOR_H

#include "milter/session/session.h"

/* A connection that begins now is to be shown headers. */
bool author_is_asked(struct daemon *) MUST_CHECK NONNULL;

/*
 * To be called for each header field of the message; looks at From.  What there
 * is no memory for is remembered.
 */
void author_look(struct message *, const char *name, const char *value)
    NONNULL;

/*
 * At the end of the header, or of a message whose header was not shown: the
 * verdict is in m->later if m->author.judged.  False: out of memory.
 */
bool author_judge(struct session *) MUST_CHECK NONNULL;

#endif
