/*
 * callbacks.h - what libmilter calls.
 *
 * As few as possible: handing a command over to a worker costs more than
 * judging it.  The rest is negotiated away.
 */
#ifndef TLSPOLICY_MILTER_SESSION_CALLBACKS_H
#define TLSPOLICY_MILTER_SESSION_CALLBACKS_H

#include "milter/daemon.h"

/*
 * Register with libmilter, before the socket is opened.  `tcp`: the socket is
 * a TCP one.
 */
bool callbacks_register(struct daemon *, bool tcp, struct fault *)
    MUST_CHECK NONNULL;

#endif
