/*
 * reader.h - records of the audit log, read back.
 *
 * A line becomes a struct reader_record: the facts as they were when the
 * message was judged, exact to the byte, and what was decided then.  Whoever
 * wants to judge again, count or print does so from there and never looks at
 * JSON.
 *
 * A line of an older schema is read when nothing in it has to be guessed, else
 * refused, as is one of a newer schema.  The chain is not looked at: verify.h.
 *
 * Limits: a line of SOURCE_LINE_MAX bytes, READER_RCPTS_MAX recipients.
 * Ownership: a record's slices live until the next record or reader_close().
 * Threads: a reader belongs to one; several may read at once.
 */
#ifndef TLSPOLICY_READER_H
#define TLSPOLICY_READER_H

#include "policy/audit/record.h"
#include "policy/audit/scan.h"
#include "policy/audit/source.h"

enum { READER_RCPTS_MAX = 1000000, READER_RULES_MAX = 1000000 };

enum reader_rule_result {
	RESULT_HOLDS,
	RESULT_FAILS,
	RESULT_WOULD_FAIL, /* a WARN rule */
	RESULT_CANNOT_TELL,
	RESULT_LOOKUP_FAILED,
	RESULT_COUNT
};

const char *reader_rule_result_name(enum reader_rule_result);

/* A class of rules that had something to say. */
struct reader_rule {
	enum tag tag;
	enum reader_rule_result result;
	enum waiver waiver;	 /* of this recipient */
	struct slice rcpt;	 /* TLS_To: whom it was about; else empty */
	struct slice key, requirement, file; /* empty: the look-up failed */
	uint32_t line;
};

/* Of READER_OUTBOUND, which also has time, generation, rules and monitor. */
struct reader_outbound {
	struct slice map, query, answer, result, inexpressible;
};

struct reader_record {
	enum record_event event;
	int64_t time_us; /* since 1970, UTC: when it was judged */
	uint64_t generation, seq;
	struct slice session;
	struct facts facts;	 /* without FACT_RCPT_ADDR */
	struct slice *rcpts;	 /* without <> */
	size_t nrcpts;
	struct reader_rule *rules;
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
	bool withdrawn;		 /* the client was told 451 in its place */
	uint64_t of;		 /* READER_NOTE: withdraws this seq; 0: none */
	struct reader_outbound outbound;
	struct slice line;	 /* the JSON itself */
	struct arena memory;	 /* of strings that had escapes, and lists */
};

void reader_record_init(struct reader_record *);
void reader_record_free(struct reader_record *);

enum reader_result {
	READER_RECORD, /* of a message or a refusal */
	READER_OUTBOUND, /* a policy that an MTA was told: no message */
	READER_NOTE,   /* a link, a mark, a withdrawal, RECORD_DELIVERED */
	READER_TORN,   /* a line that was torn: not whole, not sealed */
	READER_BAD,    /* the fault tells; reading can go on behind it */
	READER_END,
	READER_FAILED  /* a file cannot be read */
};

/*
 * One line.  The fault of READER_BAD has the column; file and line are the
 * caller's to add.  The record's slices may point into `line`.
 */
enum reader_result reader_parse(struct reader_record *, struct slice line,
    struct fault *);

/* Files one after the other, in the order of the chain. */
struct reader;

/*
 * NULL with a fault.  No paths: "-".  The paths must outlive the reader.
 * `at_once`: see blocks.h; for a file that still grows.
 */
struct reader *reader_open(char *const *paths, size_t n, bool at_once,
    struct fault *);
enum reader_result reader_next(struct reader *, struct reader_record *,
    struct fault *);
void reader_close(struct reader *);

/* Where the last line was. */
const char *reader_file(const struct reader *);
uint64_t reader_line(const struct reader *);

/*
 * RFC 3339 as records have it (UTC, "Z"), with or without a fraction, or a
 * date alone (its first microsecond).
 */
bool reader_time(struct slice, int64_t *time_us);

#endif
