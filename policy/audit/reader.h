/*
 * reader.h - records of the audit log, read back.
 *
 * A line becomes a struct reader_record: the facts as they were when the
 * message was judged, exact to the byte, and what was decided then.
 * A line of an older schema is read when nothing in it has to be guessed, else
 * refused, as is one of a newer schema.  The chain is not looked at: verify.h.
 *
 * Limits: a line of SOURCE_LINE_MAX bytes, READER_RCPTS_MAX recipients.
 * Ownership: a record's slices live until the next record or reader_close().
 * Threads: a reader belongs to one.
 */
#ifndef TLSPOLICY_READER_H
#define TLSPOLICY_READER_H

#include "policy/audit/record-plan.h"
#include "policy/audit/scan.h"
#include "policy/audit/source.h"

enum { READER_RCPTS_MAX = 1000000, READER_RULES_MAX = 1000000 };

/* Of READER_OUTBOUND, which also has time, generation, rules and monitor. */
struct reader_outbound {
	struct slice map, query, answer, result, inexpressible, warned, resolver;
};

/* Of RECORD_POLICY; `known` false: the daemon could not tell. */
struct reader_policy {
	bool known;
	int64_t made_us;
	uint64_t uid, back_to, rules;
	struct slice how, login, host, message, rules_sha256, settings_sha256, plan;
};

struct reader_settings {
	struct slice digest; /* whole of RECORD_SETTINGS, else its beginning */
	struct slice values; /* of RECORD_SETTINGS: "name = value" lines */
};

struct reader_record {
	enum record_event event;
	int64_t time_us; /* since 1970, UTC: when it was judged */
	uint64_t generation, seq;
	struct slice session;
	struct facts facts;	 /* without the recipient's */
	struct slice *rcpts, *resolved; /* without <>; NULL: as they are */
	uint64_t *rcpts_generation; /* NULL: all the record's */
	size_t nrcpts;
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
	uint64_t of, refusals;	 /* READER_NOTE: withdraws; counts; or 0 */
	struct reader_outbound outbound;
	struct reader_policy policy;
	struct reader_settings settings;
	struct record_plan plan; /* of RECORD_PLAN: id and result */
	struct slice line;	 /* the JSON itself */
	struct arena memory;	 /* of strings that had escapes, and lists */
};

/* That gave the recorded verdict, or what a waiver spared; NULL: none. */
const struct tag_result *reader_deciding_rule(const struct reader_record *);

void reader_record_init(struct reader_record *) NONNULL;
void reader_record_free(struct reader_record *);

enum reader_result {
	READER_RECORD, /* of a message or a refusal */
	READER_OUTBOUND, /* a policy that an MTA was told: no message */
	READER_NOTE,   /* a link, a mark, a withdrawal, a gap, RECORD_DELIVERED */
	READER_TORN,   /* a line that was torn: not whole, not sealed */
	READER_BAD,    /* the fault tells; reading can go on behind it */
	READER_UNREAD, /* a file, or its rest, cannot be read: the same */
	READER_END,
	READER_FAILED  /* memory ran out */
};

/*
 * One line.  The fault of READER_BAD has the column; file and line are the
 * caller's to add.  The record's slices may point into `line`.
 */
enum reader_result reader_parse(struct reader_record *, struct slice line,
    struct fault *) NONNULL;

/*
 * All files, whatever their order: those of a node in the order of the chain,
 * those of several by the time of their lines.
 */
struct reader;

/*
 * NULL with a fault.  No paths: "-".  The paths must outlive the reader.
 * `at_once`: see blocks.h; for a file that still grows.
 */
struct reader *reader_open(char *const *paths, size_t n, bool at_once,
    struct fault *) MUST_CHECK;
enum reader_result reader_next(struct reader *, struct reader_record *,
    struct fault *) NONNULL;
void reader_close(struct reader *);

/* Where the last line was. */
const char *reader_file(const struct reader *) NONNULL;
uint64_t reader_line(const struct reader *) NONNULL;
/*
 * RFC 3339 as records have it (UTC, "Z"), with or without a fraction, or a
 * date alone (its first microsecond).
 */
bool reader_time(struct slice, int64_t *time_us) NONNULL;

#endif
