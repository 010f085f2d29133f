/*
 * reader.h - records of the audit log, read back.
 *
 * A line becomes a struct reader_record: the facts as they were when the
 * message was judged, exact to the byte, and what was decided then.
 * A line of an older schema is read when nothing in it has to be guessed, else
 * refused, as is one of a newer schema.  The chain is not looked at: verify.h.
 *
 * Limits: a line of SOURCE_LINE_MAX bytes, READER_RCPTS_MAX recipients.
 * Ownership: slices live until the next record or reader_close().  Threads: one.
 */
#ifndef TLSPOLICY_READER_H
#define TLSPOLICY_READER_H

#include "policy/audit/reader-record.h"
#include "policy/audit/source.h"

/*
 * The rule that gave the recorded verdict, or what a waiver spared; NULL: none.
 */
const struct tag_result *reader_deciding_rule(const struct reader_record *);

void reader_record_init(struct reader_record *) NONNULL;
void reader_record_free(struct reader_record *);

enum reader_result {
	READER_RECORD, /* of a message or a refusal */
	READER_OUTBOUND, /* a policy that an MTA was told: no message */
	READER_NOTE,   /* a link, a mark, a withdrawal, a gap, RECORD_DELIVERED
			  and those behind it */
	READER_TORN,   /* a line that was torn: not whole, not sealed */
	READER_BAD,    /* the fault tells; reading can go on behind it */
	READER_UNREAD, /* a file, or its rest, cannot be read: the same */
	READER_END,
	READER_FAILED  /* memory ran out */
};

/*
 * Reads one line.  The fault of READER_BAD has the column; file and line are
 * the caller's to add.  The record's slices may point into `line`.
 */
enum reader_result reader_parse(struct reader_record *, struct slice line,
    struct fault *) MUST_CHECK NONNULL;

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
/* Each record is asked of record->salts, which stays. */
enum reader_result reader_next(struct reader *, struct reader_record *,
    struct fault *) MUST_CHECK NONNULL;
void reader_close(struct reader *);

/* Where the last line was. */
const char *reader_file(const struct reader *) NONNULL;
uint64_t reader_line(const struct reader *) NONNULL;
/* A number from 0 on, one for each log; is it one that came through a pipe? */
size_t reader_log(const struct reader *, bool *piped) NONNULL;
/*
 * RFC 3339 as records have it (UTC, "Z"), with or without a fraction, or a
 * date alone (its first microsecond).
 */
bool reader_time(struct slice, int64_t *time_us) NONNULL;
/* Is the record from `since` on and before `until`?  0: there is no such end. */
bool reader_within(const struct reader_record *, int64_t since, int64_t until)
    NONNULL;

#endif
