/*
 * server.h - the counters by HTTP: /metrics, and /healthz, which
 * answers 200 or 503 with the reason.
 *
 * A thread of its own with libevent's HTTP server.  GET and HEAD only; requests
 * are small, connections few and short-lived: whoever sends more is cut off.
 * There is no access control but the address that is listened on.
 *
 * Threads: started and never stopped by the main thread; kept out by the drain.
 */
#ifndef TLSPOLICY_MILTER_METRICS_SERVER_H
#define TLSPOLICY_MILTER_METRICS_SERVER_H

#include "milter/daemon.h"
#include "milter/endpoint.h"

struct metrics_server;

/* While the port may need privileges.  NULL with a fault. */
struct metrics_server *metrics_server_listen(struct daemon *,
    const struct endpoint *, struct fault *) MUST_CHECK;

/* Begin to answer, when all of the daemon is there. */
bool metrics_server_start(struct metrics_server *, struct fault *) MUST_CHECK;

#endif
