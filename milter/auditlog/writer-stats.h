/* writer-stats.h - what the writer has done, and how it is; for metrics. */
#ifndef TLSPOLICY_MILTER_AUDITLOG_WRITER_STATS_H
#define TLSPOLICY_MILTER_AUDITLOG_WRITER_STATS_H

#include "policy/policy.h"

struct writer_stats {
	uint64_t taken, refused, withdrawn;
	uint64_t written;   /* records, in the file */
	uint64_t errors;    /* writes and syncs that failed */
	uint64_t syncs;
	uint64_t queued;    /* bytes waiting now */
	uint64_t unwritten_ms, unsynced_ms; /* how old the oldest such record is */
	bool syncs_on;	    /* false: nobody syncs, and the latter is 0 */
	uint64_t replaced;  /* files begun because the old one was away */
	bool scarce;	    /* less than the reserve is free */
	bool astray;	    /* a file was replaced, and no HUP has come since */
	bool failing;	    /* cannot write, or stalled */
	bool stalled;	    /* the disk does not answer */
	struct chain_head head;
	uint64_t lost;	    /* lines missing at the end, at the start */
	bool kept;	    /* its end is noted, a second or two behind */
	uint64_t checkpoints;
	bool behind;	    /* a checkpoint waits, as it cannot be handed on */
	uint64_t epoch;	    /* of a ratchet; 0: there is none */
	bool stuck;	    /* WRITER_STUCK */
};

#endif
