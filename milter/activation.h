/*
 * activation.h - listening sockets that the service manager hands over, as
 * systemd does for .socket units: descriptors from 3 on, announced by LISTEN_PID
 * and LISTEN_FDS as in sd_listen_fds(3).
 *
 * Its file, group and mode are the service manager's; nothing here removes or
 * changes them.  One is the milter's; those that LISTEN_FDNAMES calls "facts" and
 * "tlsrpt" are facts-socket's and tlsrpt-socket's, unix sockets, the second one
 * of datagrams.
 *
 * Threads: the main thread only.
 */
#ifndef TLSPOLICY_ACTIVATION_H
#define TLSPOLICY_ACTIVATION_H

#include "milter/listen.h"

/*
 * To be called before anything else opens a descriptor.  True with
 * listen->inherited: the manager handed over listen->fd.  True without: it
 * handed over nothing.  False: what it handed over cannot be listened on.
 */
bool activation_find(struct listen *milter, struct listen *facts,
    struct listen *tlsrpt, struct fault *) MUST_CHECK NONNULL;

/* After callbacks_register(): libmilter will accept from this socket. */
bool activation_open(struct listen *, struct fault *) MUST_CHECK NONNULL;

/*
 * As activation_open(), for our engine, which accepts from listen->fd itself.
 */
bool activation_unblock(const struct listen *, struct fault *) MUST_CHECK
    NONNULL;

/* Accept no more: what connects now waits for the next process. */
void activation_leave(const struct listen *) NONNULL;

#endif
