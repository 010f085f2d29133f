/*
 * left.h - mail that left, or was kept for want of TLS, held against what its
 * MTA would be told by other rules: would it leave, as it did then or did not?
 *
 * A mail log has the protocol, the suite and whether the certificate was good,
 * never its names or prints; and not what the MTA asked by, which is taken to be
 * the domain of the recipient.  What cannot be told from that is said to be so.
 *
 * Threads: a left belongs to one; nothing is allocated.
 */
#ifndef TLSPOLICY_REPORT_LEFT_H
#define TLSPOLICY_REPORT_LEFT_H

#include "policy/audit/reader.h"
#include "policy/outbound/outbound.h"

enum left_outcome {
	LEFT_LEAVES,
	LEFT_UNKNOWN, /* the log does not tell */
	LEFT_KEPT,    /* it stays in the queue */
	LEFT_OUTCOMES
};

struct left {
	const struct outbound_options *options;
	struct store_reader *reader;
	struct slice then; /* what it was told, if that is known */

	/* Results. */
	enum left_outcome outcome;
	const char *why;   /* "in clear"; "": it leaves */
	struct text told;  /* empty: nothing, by no rule */
	char told_text[8300];
	unsigned nrules;   /* the first one that the answer rests on, or none */
	struct slice key, requirement, file;
	uint32_t line;
	bool same;	   /* told what it was told then */
	struct text rule;  /* memory of the rule */
	char rule_text[4096 + KEY_TEXT_MAX + REQUIREMENT_TEXT_MAX];
	struct outbound_answer answer; /* the last one */
};

/*
 * For RECORD_DELIVERED, and for a RECORD_HANDSHAKE that failed, of which no
 * message needs to have told.  False: no recipient with a domain.
 */
bool left_judge(struct left *, const struct reader_record *);

/* The domain of the recipient, as it stands; empty: there is none. */
struct slice left_domain(const struct reader_record *);

#endif
