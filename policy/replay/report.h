/*
 * report.h - what would change, grouped by organisational domain and
 * rule.
 *
 * The domain is the sender's, or the client's when the sender is null; the
 * rule is that which decides now, or, where nothing fails any more, that which
 * decided then.
 *
 * Threads: one.  Ownership: copies what it keeps.
 */
#ifndef TLSPOLICY_REPLAY_REPORT_H
#define TLSPOLICY_REPLAY_REPORT_H

#include "policy/replay/replay.h"

/* In the order in which they are listed. */
enum replay_change {
	CHANGE_REFUSED,	  /* was accepted, would be refused */
	CHANGE_PARTLY,	  /* ... for some of its recipients */
	CHANGE_HELD,	  /* was accepted, would be quarantined */
	CHANGE_WARNED,	  /* was accepted, would be with a warning */
	CHANGE_ALLOWED,	  /* was refused, held or warned of, would not be */
	CHANGE_PASSED,	  /* was refused at MAIL, would pass it; for whom it
			     was, and what of it would become, is not known */
	CHANGE_OTHERWISE, /* refused both times, for good or for the time being */
	CHANGE_COUNT
};

struct replay_group;

struct replay_report {
	struct replay_group **table; /* hashed, open addressing */
	size_t size, n;
	uint64_t changed[CHANGE_COUNT]; /* messages */
	bool as_then; /* by the policy of the day: what differs is wrong */
	uint64_t unjudged; /* records */
	uint64_t header_missing; /* not judged by TLS_Header: not recorded */
	struct arena memory;
};

void replay_report_init(struct replay_report *);
void replay_report_free(struct replay_report *);

/* After replay_judge().  False with a fault: out of memory. */
bool replay_report_add(struct replay_report *, const struct reader_record *,
    const struct replay *, struct fault *) MUST_CHECK;

/*
 * Adds another report, whose memory must last as long as this one.  False with
 * a fault: out of memory.
 */
bool replay_report_merge(struct replay_report *, const struct replay_report *,
    struct fault *) MUST_CHECK;

/* Anything would be judged differently. */
bool replay_report_differs(const struct replay_report *);
/* Something that was accepted would be refused. */
bool replay_report_refuses(const struct replay_report *);

/*
 * With `traces` judges each example once more to tell how; needs the reader.
 * False: out of memory.
 */
bool replay_report_print(struct replay_report *, size_t records, bool traces,
    struct replay *, FILE *out);
/* False: out of memory. */
bool replay_report_json(struct replay_report *, size_t records, FILE *out);

#endif
