/*
 * reader-record.h - what reader.h makes of a line.
 *
 * With the setting privacy people are hidden in it; it is as if they were not
 * where the caller's salts tell them, else a commitment stands for them.
 */
#ifndef TLSPOLICY_AUDIT_READER_RECORD_H
#define TLSPOLICY_AUDIT_READER_RECORD_H

#include "policy/audit/reader-note.h"
#include "policy/audit/record.h"
#include "policy/audit/record-plan.h"
#include "policy/audit/salts.h"
#include "policy/audit/scan.h"

enum { READER_RCPTS_MAX = 1000000, READER_RULES_MAX = 1000000 };

struct reader_record {
	enum record_event event;
	int64_t time_us; /* since 1970, UTC: when it was judged */
	uint64_t generation, seq;
	struct slice session;
	struct facts facts;	 /* without the recipient's */
	struct slice *rcpts, *resolved; /* without <>; NULL: as they are */
	uint64_t *rcpts_generation; /* NULL: all the record's */
	size_t nrcpts;
	struct slice *header_from; /* mailboxes of From fields */
	size_t nheader_from;
	uint64_t header_generation; /* 0: the record's */
	struct tag_result *rules; /* without reason and by */
	size_t nrules;
	enum verdict_kind verdict; /* as carried out */
	enum waiver waiver;
	struct slice reply;	 /* what the client was told; empty: nothing */
	bool has_would;		 /* what a waiver spared the client */
	enum verdict_kind would;
	struct slice would_reply;
	enum reason reason;	 /* NONE: nothing failed */
	struct slice result_type; /* RFC 8460; empty: none fits */
	bool monitor, exempt, maillog; /* the last: not by the daemon */
	bool matched;		 /* RECORD_DELIVERED: "server" says so */
	bool withdrawn;		 /* the client was told 451 in its place */
	struct salts *salts;	 /* the caller's: who tells whom it hides; or NULL */
	bool private;		 /* it hides people */
	unsigned hidden; /* bit by enum salts_answer: what is not told, and why */
	bool blind;	 /* some hidden value bears on a verdict */
	uint64_t of, refusals;	 /* READER_NOTE: withdraws; counts; or 0 */
	struct reader_outbound outbound;
	struct reader_handshake handshake;
	struct reader_policy policy;
	struct reader_settings settings;
	struct record_plan plan; /* of RECORD_PLAN: id and result */
	struct slice line;	 /* the JSON itself */
	struct arena memory;	 /* of strings that had escapes, and lists */
};

#endif
