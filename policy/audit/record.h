/*
 * record.h - one line of the audit log: a message judged, or a refusal.
 *
 * JSON, one object a line, UTF-8.  Everything from outside is escaped
 * (jsonput.h): a record is one line whatever a client sends.  The line holds
 * all that judging needs, so that reader.h can rebuild the facts and the
 * message can be judged again.  tlspolicy-audit(5) describes every field;
 * field.h holds the rows of those that come from facts.
 *
 * Threads: no state.  Ownership: a record only points to what it describes.
 */
#ifndef TLSPOLICY_RECORD_H
#define TLSPOLICY_RECORD_H

#include <stdint.h>

#include "policy/audit/chain.h"
#include "policy/audit/person.h"
#include "policy/eval/verdict.h"
#include "policy/facts/facts.h"
#include "policy/outbound/outbound.h"

/* A recipient and how TLS_To came out for it. */
struct record_rcpt {
	struct slice address;		   /* as the client sent it, without <> */
	struct slice resolved;		   /* by the MTA; empty: the same */
	const struct tag_result *result; /* NULL: no TLS_To rule matched */
	enum verdict_kind kind;		   /* as carried out */
	enum waiver waiver;
	bool other; /* `generation` judged it, not that of the record */
	uint64_t generation;
};

enum record_event {
	RECORD_MESSAGE,	 /* end of message: it was judged and let through */
	RECORD_REFUSED_MAIL,
	RECORD_REFUSED_RCPT, /* `rcpts` holds just this one, without result */
	RECORD_REFUSED_HEADER, /* for all of `rcpts`, at the end of the header */
	RECORD_ABORTED,	 /* judged, but the client never ended it */
	RECORD_OUTBOUND, /* not of a session: see record_format_outbound() */
	RECORD_DELIVERED, /* only of a mail log: record-maillog.h */
	RECORD_HANDSHAKE, /* with a server: record-handshake.h */
	RECORD_POLICY,	 /* not of a session: record_policy_format() */
	RECORD_SETTINGS, /* the same: record_policy_settings() */
	RECORD_PLAN,	 /* the same: record_plan_format() */
	RECORD_EVENT_COUNT
};

/* "message", "refused-mail", ... "delivered". */
const char *record_event_name(enum record_event);

struct record_plan; /* record-plan.h */
struct record {
	enum record_event event;
	int64_t time_us; /* microseconds since 1970, UTC: when it was judged */
	struct slice session; /* our own id of the connection */
	const struct facts *facts;
	const struct verdict *verdict; /* at MAIL, or at the refused RCPT */
	const struct verdict *header; /* at the end of it; NULL: not judged */
	const struct record_rcpt *rcpts;
	size_t nrcpts;
	struct slice settings; /* the beginning of their digest, or empty */
	bool monitor; /* mode */
	bool exempt;  /* the client is never refused (exempt-clients) */
	struct person_hiding *hiding; /* NULL: people stand in it as they are */
	const struct record_plan *plan; /* NULL: there was none */

	/* Its line, while it is written; record-internal.h. */
	struct jsonput out;
	uint64_t raw; /* bit by fact_id: its field cannot carry it to the byte */
	bool certificate; /* the client's is a person's, with `hiding` */
	bool self_issued; /* and its issuer is the same one */
	/* What became of the message as a whole: MAIL and its recipients. */
	enum verdict_kind kind;
	enum waiver waiver;
	enum reason reason;
	const struct reply *reply; /* NULL: no reply is known */
};

/* Room that a record of a message with few recipients never exceeds. */
enum { RECORD_LINE_MAX = 64 * 1024 };

/*
 * One JSON object without seq, chain and newline, which chain.h adds.  False:
 * `out` is cut (thousands of recipients): ask with more room; or hiding->failed.
 */
bool record_format(struct record *, struct text *out) MUST_CHECK NONNULL;

/*
 * A policy that an MTA was told before it delivers, in the same manner.  The
 * line has none of the fields that come from facts: event, time, generation,
 * map, query, answer (as it was sent), result, inexpressible (what the MTA was
 * not told), warned, resolver (or null), rules and mode.
 */
struct record_outbound {
	int64_t time_us;
	const struct outbound_question *question;
	const struct outbound_answer *answer;
	struct person_hiding *hiding; /* as in struct record */
};

bool record_format_outbound(const struct record_outbound *, struct text *out)
    MUST_CHECK NONNULL;

/* The word of RFC 8460 section 4.3 for a failure, NULL where none fits. */
const char *record_result_type(enum reason, enum verify);

/* How the rules of a tag came out, field rules[].result: "would-fail". */
const char *record_result(const struct tag_result *) NONNULL;

#endif
