/*
 * maillog.h - records of the audit log, made of what an MTA logged itself.
 *
 * For the first day, when nothing of ours is in the path of mail: who came in
 * clear, who by which version and suite.  Such a record is marked as from a
 * log; it is told less than one of the daemon, and what it is not told is not
 * there.  It is evidence for nobody but its reader: it has no chain.
 *
 * A message is a line that says who handed it in (Postfix: client= of smtpd;
 * sendmail: relay= of from=), its session's TLS is a line of the same process
 * before that.  Where these two cannot be tied together without doubt, or where
 * the log shows no lines about TLS of that service up to there, whether the
 * session was encrypted is not told.
 *
 * Only mail that was taken in becomes a record: under Postfix that is a line of
 * qmgr, under sendmail a recipient and no milter that refused.  And mail that
 * left, when a server has accepted it, or that was kept for want of TLS.
 *
 * Memory: fixed, whatever the log.  Threads: a maillog belongs to one.
 */
#ifndef TLSPOLICY_MAILLOG_MAILLOG_H
#define TLSPOLICY_MAILLOG_MAILLOG_H

#include "policy/base/fault.h"
#include "policy/base/text.h"
#include "policy/facts/facts.h"

enum maillog_mta { MAILLOG_ANY, MAILLOG_POSTFIX, MAILLOG_SENDMAIL };

struct maillog_options {
	enum maillog_mta mta; /* lines of the other one are passed over */
	int year;	      /* of a file's first line, if it has none; 0 */
	int64_t since, until; /* microseconds; records in between */
	size_t room;	      /* messages and processes under way, a power of two;
				 0: 32768 and 8192 */
	/* The client is never refused (exempt-clients). */
	bool (*exempt)(void *arg, const struct facts *);
	/* A record, with its newline; false: it could not be written. */
	bool (*each)(void *arg, struct slice line);
	void *arg;
};

struct maillog_counts {
	size_t lines, records;
	uint64_t untold;     /* of the records: TLS is not told */
	uint64_t bad;	     /* lines that are none of a log */
	uint64_t unreadable; /* of the MTA, about a session, but not as known */
	uint64_t mta;	     /* lines of an MTA */
	uint64_t unended;    /* messages that began and never were taken in */
	uint64_t local;	     /* messages that no client on the network sent */
	uint64_t delivered;  /* of the records: mail that left */
	uint64_t kept;	     /* ... and that did not, for want of TLS */
	/* The first line that was bad. */
	char bad_file[FAULT_WHERE_MAX];
	uint64_t bad_line;
};

struct maillog;

/* NULL: out of memory. */
struct maillog *maillog_new(const struct maillog_options *);
void maillog_free(struct maillog *);

/*
 * The next file.  `reference`: when it was last written, in seconds since 1970,
 * from which years are inferred.  What was under way at the end of the file
 * before goes on in this one, unless its first line is older.
 * False with a fault: it cannot be read, or a record could not be written (then
 * fault->kind is FAULT_NONE).
 */
bool maillog_file(struct maillog *, const char *path, int64_t reference,
    struct fault *) MUST_CHECK;

/*
 * When the first line of a file was logged, by which files are put in order;
 * INT64_MIN: there is none.  False with a fault: it cannot be read.
 */
bool maillog_first(const char *path, const struct maillog_options *,
    int64_t reference, int64_t *time_us, struct fault *) MUST_CHECK;

/* After the last file, which may leave records.  False: as maillog_file(). */
bool maillog_finish(struct maillog *, struct fault *) MUST_CHECK;
const struct maillog_counts *maillog_counts(const struct maillog *);

#endif
