/*
 * daemon.h - what all parts of the running daemon share.
 *
 * Filled by main() before the first callback can run.  Nothing in it goes away
 * before the drain is closed: libmilter does not wait for running callbacks.
 */
#ifndef TLSPOLICY_DAEMON_H
#define TLSPOLICY_DAEMON_H

#include "milter/announce.h"
#include "milter/auditlog/auditlog.h"
#include "milter/drain.h"
#include "milter/log.h"
#include "milter/metrics/certwatch.h"
#include "milter/metrics/ends.h"
#include "milter/metrics/metrics.h"
#include "milter/settings-holder.h"
#include "milter/store-holder.h"

struct feed;

struct daemon {
	struct settings_holder settings;
	struct store_holder store;
	struct store_holder plan; /* beside the store */
	struct auditlog *audit;
	struct feed *feed; /* NULL: there is none */
	struct announce announce;
	struct metrics metrics;
	struct ends ends;
	struct certwatch certificates;
	struct drain drain;
	_Atomic(const char *) lost_socket; /* a socket whose name is lost; or
					    * NULL */
	uint64_t started_us;	      /* since 1970; makes session ids unique */
	_Atomic uint64_t nsessions;
	/* Of the socketmap: answers that say less than their rule; no such map. */
	struct log_seldom inexpressible, unknown_map;
	struct pool messages;	      /* struct message, to be used again */
};

#endif
