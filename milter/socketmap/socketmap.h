/*
 * socketmap.h - the service that MTAs ask before they deliver.
 *
 * An event loop in a thread of its own, beside libmilter's: a connection is
 * an MTA process, and those are thousands.  Answers come from memory (the
 * store is mapped), so one thread is enough; what can take its time is the
 * audit log, and then no answer may be given anyway.
 *
 * Threads: the main thread starts and stops it.
 */
#ifndef TLSPOLICY_MILTER_SOCKETMAP_SOCKETMAP_H
#define TLSPOLICY_MILTER_SOCKETMAP_SOCKETMAP_H

#include "milter/daemon.h"

struct socketmap;

/*
 * Serve on `fd`, which it takes over; `resolver` is the setting
 * outbound-resolver.  NULL with a fault: it does not.
 */
struct socketmap *socketmap_start(struct daemon *, int fd,
    const char *resolver, struct fault *) MUST_CHECK;

/* NULL does nothing.  When it returns no question is being answered. */
void socketmap_stop(struct socketmap *);

#endif
