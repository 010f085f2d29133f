/*
 * record.h - one line of the audit log: a message judged, or a refusal.
 *
 * JSON, one object a line, UTF-8.  Everything from outside is escaped: control
 * characters as \u00XX, bytes that are no UTF-8 as U+FFFD; a record is one line
 * whatever a client sends.  tlspolicy-audit(5) describes every field.
 *
 * Threads: no state.  Ownership: a record only points to what it describes.
 */
#ifndef TLSPOLICY_RECORD_H
#define TLSPOLICY_RECORD_H

#include <stdint.h>

#include "policy/eval/verdict.h"
#include "policy/facts/facts.h"

/* A recipient and how TLS_To came out for it. */
struct record_rcpt {
	struct slice address;		   /* as the client sent it, without <> */
	const struct class_result *result; /* NULL: no TLS_To rule matched */
};

enum record_event {
	RECORD_MESSAGE,	 /* end of message: it was judged and let through */
	RECORD_REFUSED_MAIL,
	RECORD_REFUSED_RCPT,
	RECORD_ABORTED	 /* judged, but the client never ended it */
};

struct record {
	enum record_event event;
	int64_t time_us; /* microseconds since 1970, UTC */
	struct slice session; /* our own id of the connection */
	const struct facts *facts;
	const struct verdict *verdict; /* at MAIL, or at the refused RCPT */
	const struct record_rcpt *rcpts;
	size_t nrcpts;
	bool monitor; /* mode */
};

enum { RECORD_LINE_MAX = 64 * 1024 };

/*
 * The record as one JSON object without chain and newline.  When `out` is cut
 * (thousands of recipients) false, and the caller asks again with more room.
 */
bool record_format(const struct record *, struct text *out);

#endif
