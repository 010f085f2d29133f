/*
 * replay.h - a recorded message judged again, by other rules perhaps.
 *
 * Judged are the recorded facts at the recorded time, in the recorded mode;
 * a client that was exempt still is, unless the caller has its own word of
 * either.  The other settings are the caller's.
 *
 * Threads: each judge belongs to one; neither allocates nor locks.
 */
#ifndef TLSPOLICY_REPLAY_REPLAY_H
#define TLSPOLICY_REPLAY_REPLAY_H

#include "policy/audit/reader.h"
#include "policy/conf/settings.h"
#include "policy/eval/eval.h"

/* What became of a message, as far as people would notice. */
enum replay_outcome {
	OUTCOME_ACCEPTED,
	OUTCOME_WARNED, /* accepted, and failed all the same: warn, monitor */
	OUTCOME_HELD,
	OUTCOME_TEMPFAILED,
	OUTCOME_REJECTED,
	OUTCOME_COUNT
};

const char *replay_outcome_name(enum replay_outcome); /* "warned" */

struct replay {
	const struct eval_options *options; /* but for `monitor` */
	bool own_mode; /* `monitor` of options counts, not the record's */
	const struct settings *own_exempt; /* whose exempt-clients do; or NULL */
	struct store_reader *reader;
	const struct trace *trace; /* or NULL */
	struct salts *salts;	   /* for examples; or NULL */
	/*
	 * Judge by the policy of the day, or NULL: fills options, own_exempt
	 * and reader for the record.  False: it cannot be judged.
	 */
	bool (*prepare)(struct replay *, const struct reader_record *);
	/* The reader of another generation, for a recipient; NULL: none. */
	struct store_reader *(*reader_of)(struct replay *,
	    const struct reader_record *, uint64_t generation);
	void *arg;

	/* Results: the gravest of MAIL and the recipients. */
	enum replay_outcome outcome;
	const struct verdict *verdict; /* which that was */
	const struct tag_result *rule; /* that decided; NULL: none failed */
	struct slice rcpt;	       /* whom it was about; empty: MAIL */
	size_t rcpts_refused;	       /* of those that are recorded */
	bool unknown;		       /* see replay_judge() */
	bool header_missing;	       /* there are rules for its From field,
					  which the record does not have */

	struct verdict mail, rcpts[2], header;
};

/* What was recorded. */
enum replay_outcome replay_recorded(const struct reader_record *);

/*
 * With `prepare` a recipient that was refused is judged without MAIL, which was
 * another verdict.  `unknown`: not judged, or not all of it, since a policy of
 * that day, or what it asked for, is not there.
 *
 * Uses the record's facts for its recipients and leaves them unknown.  False:
 * out of memory, and not all of it was judged.
 */
bool replay_judge(struct replay *, struct reader_record *) MUST_CHECK;

#endif
