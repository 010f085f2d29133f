/*
 * maplink.h - the protocol of the socketmap, on a connection of evlink.h.
 *
 * A request for which the resolver has to be asked waits for that, and those
 * behind it too.
 *
 * Threads: that of the event loop only.
 */
#ifndef TLSPOLICY_MILTER_SOCKETMAP_MAPLINK_H
#define TLSPOLICY_MILTER_SOCKETMAP_MAPLINK_H

#include "milter/daemon.h"
#include "milter/evserver.h"
#include "milter/socketmap/resolver.h"

/* What all connections share: evserver's arg. */
struct maplink_owner {
	struct daemon *daemon;
	struct resolver *resolver; /* NULL: there is none */
};

extern const struct evlink_kind maplink_kind;

#endif
