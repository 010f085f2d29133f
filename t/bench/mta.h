/*
 * How sendmail 8.17 and Postfix 3.7 speak to a milter: what they offer, what
 * they make of the answer, and the macros that they send at each stage, by
 * default or because the milter asked for others.
 */
#ifndef T_BENCH_MTA_H
#define T_BENCH_MTA_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "t/bench/plan.h"
#include "t/bench/wire.h"

enum mta { MTA_SENDMAIL, MTA_POSTFIX };

#define MTA_STAGES 7	/* SMFIM_CONNECT to SMFIM_EOH */
#define MTA_MACROS 48	/* that a milter may ask for at one stage */

/* What was agreed on; one struct serves all sessions that agreed the same. */
struct mta_terms {
	enum mta mta;
	uint32_t steps;		/* SMFIP_*: what not to send or expect */
	bool agreed;
	bool asked[MTA_STAGES];	/* the milter replaced the stage's default */
	int count[MTA_STAGES];
	int macro[MTA_STAGES][MTA_MACROS];
	size_t reply_size;
	unsigned char reply[2048];
};

/* A session as far as it has come. */
struct mta_session {
	const struct plan *plan;
	uint64_t number;
	int recipients;		/* accepted in this message */
};

/* False if name is neither "sendmail" nor "postfix". */
bool mta_find(const char *name, enum mta *);

void mta_offer(struct wire_out *);

/* Take the milter's answer to the offer; false if it is not one. */
bool mta_agree(struct mta_terms *, const struct wire_packet *);

/* The macro packet that goes before command at stage, if any macro is set. */
void mta_macros(struct wire_out *, const struct mta_terms *, int stage,
    char command, const struct mta_session *);

/* The terms as members of a JSON object: "steps", "silent", "macros". */
void mta_print_terms(const struct mta_terms *, FILE *);

#endif
