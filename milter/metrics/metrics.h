/*
 * metrics.h - what the daemon counts while it works.
 *
 * Counters only grow, from the start of the process on.  Names follow
 * Prometheus' rules; the page that shows them is page.c.
 *
 * Threads: any; counters are atomic and not consistent with each other.
 */
#ifndef TLSPOLICY_MILTER_METRICS_METRICS_H
#define TLSPOLICY_MILTER_METRICS_METRICS_H

#include <stdatomic.h>
#include <stdint.h>

#include "policy/policy.h"

enum callback {
	CALLBACK_HELO,
	CALLBACK_MAIL,
	CALLBACK_RCPT,
	CALLBACK_DATA,
	CALLBACK_HEADER,
	CALLBACK_EOH,
	CALLBACK_EOM,
	CALLBACK_ABORT,
	CALLBACK_CLOSE,
	CALLBACK_COUNT
};

enum counter {
	COUNTER_SESSIONS,	/* milter connections that got as far as HELO or MAIL */
	COUNTER_MESSAGES,	/* let through at their end */
	COUNTER_RECORDS,	/* taken by the audit log */
	COUNTER_UNRECORDED,	/* not taken by the audit log */
	COUNTER_STORE_ERRORS,	/* questions for which the store could not be asked */
	COUNTER_NO_MEMORY,
	COUNTER_NOT_ACCEPTED,	/* connections, for want of descriptors */
	COUNTER_OUTBOUND_TOLD,
	COUNTER_OUTBOUND_PASSED_ON,
	COUNTER_OUTBOUND_EXCEPTION,
	COUNTER_OUTBOUND_WARNED,
	COUNTER_OUTBOUND_WEAKENED,
	COUNTER_OUTBOUND_REFUSED,
	COUNTER_OUTBOUND_FAILED,
	COUNTER_OUTBOUND_NONE,
	COUNTER_RESOLVER_FAILURES, /* of outbound-resolver */
	COUNTER_MAP_LINKS,	/* connections to the socketmap */
	COUNTER_MAP_DROPPED,	/* ended by us: idle, bad, too many */
	COUNTER_FEED_TOLD,	/* recipients that Postfix told the facts feed of */
	COUNTER_FEED_MISSED,	/* recipients judged without it, for want of that */
	COUNTER_FEED_LINKS,	/* connections to the facts feed */
	COUNTER_FEED_DROPPED,	/* ended by us: idle, bad, too many */
	COUNTER_HANDSHAKES,	/* with servers, told by Postfix */
	COUNTER_HANDSHAKES_FAILED, /* of these, without the TLS wanted */
	COUNTER_HANDSHAKES_UNREAD, /* datagrams that are none */
	COUNTER_HEADER_UNREAD,	/* messages: it could not be told whom they are from */
	COUNTER_PLAN_JUDGED,	/* records that a plan judged beside, too */
	COUNTER_PLAN_DIFFERS,	/* of these */
	COUNTER_PLAN_UNJUDGED,	/* it could not be asked */
	COUNTER_PLAN_ANSWERED,	/* its verdict counted: canary */
	COUNTER_RELOADS,	/* HUPs, those that failed among them */
	COUNTER_RELOAD_FAILURES,
	COUNTER_COUNT
};

enum { METRICS_BUCKETS = 14 };
/* Words of labels: known ones, then that of all others. */
enum { METRICS_VERSIONS = 6, METRICS_VERIFIES = 14 };

struct metrics_latency {
	_Atomic uint64_t bucket[METRICS_BUCKETS]; /* the last one: all above */
	_Atomic uint64_t sum_ns;
};

struct metrics {
	_Atomic uint64_t counter[COUNTER_COUNT];
	_Atomic uint64_t verdict[VERDICT_HOLD + 1];
	_Atomic uint64_t waived[WAIVER_ON_ERROR + 1]; /* would have been refused */
	_Atomic uint64_t reason[REASON_COUNT];	/* of refusals, waived or not */
	_Atomic uint64_t matched[TAG_COUNT];	/* tags that had a rule */
	_Atomic uint64_t failed[TAG_COUNT];	/* tags that decided against */
	_Atomic uint64_t version[METRICS_VERSIONS]; /* of the session, at MAIL */
	_Atomic uint64_t verify[METRICS_VERIFIES];
	atomic_bool reload_failed; /* the last one */
	struct metrics_latency latency[CALLBACK_COUNT];
};

void metrics_init(struct metrics *);
void metrics_count(struct metrics *, enum counter);
void metrics_verdict(struct metrics *, const struct verdict *);
/* The session that brings a MAIL: its TLS version and {verify}. */
void metrics_session(struct metrics *, const struct facts *);
/* HUP was followed: the settings were good, the audit file is open. */
void metrics_reload(struct metrics *, bool good);
void metrics_callback(struct metrics *, enum callback, uint64_t ns);

/* Upper bound of a bucket in nanoseconds; 0 for the last one. */
uint64_t metrics_bound(unsigned bucket);
const char *metrics_callback_name(enum callback); /* "mail" */
const char *metrics_version_word(unsigned); /* below METRICS_VERSIONS */
const char *metrics_verify_word(unsigned);
/* The counter's name without prefix, and its sentence of help. */
const char *metrics_counter_name(enum counter);
const char *metrics_counter_help(enum counter);

#endif
