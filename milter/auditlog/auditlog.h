/*
 * auditlog.h - where finished records go.
 *
 * A record is one JSON object without chain and newline (record_format());
 * the log adds both.  auditlog_submit() copies it and returns when the promise
 * of the setting audit-sync is kept: in the file (none, batch) or on the disk
 * (each).  When the log cannot take a record, audit-full says whether the
 * caller waits for a bounded time; false means that it is not recorded, and
 * that no mail may be accepted on the strength of it.
 *
 * The audit-file /dev/null turns the log off: every record is taken and forgotten.
 *
 * Threads: any number may submit; one at a time may reopen or close.  Nobody
 * may submit after auditlog_close().
 */
#ifndef TLSPOLICY_MILTER_AUDITLOG_AUDITLOG_H
#define TLSPOLICY_MILTER_AUDITLOG_AUDITLOG_H

#include "milter/auditlog/salting.h"
#include "milter/auditlog/writer-ticket.h"

struct auditlog;

/* The file is /dev/null: nothing is recorded. */
bool auditlog_is_off(const struct settings *) NONNULL;

/* NULL with a fault: no such directory, no permission, a bad key file. */
struct auditlog *auditlog_open(const struct settings *, struct fault *)
    MUST_CHECK;

bool auditlog_submit(struct auditlog *, struct slice record) MUST_CHECK NONNULL;
/* For a record that no mail is accepted on: see writer_submit_refusal(). */
bool auditlog_submit_refusal(struct auditlog *, struct slice record)
    MUST_CHECK NONNULL;
/* One that cannot be recorded is counted as those that are refused; false. */
bool auditlog_lose_refusal(struct auditlog *) NONNULL;
/*
 * The same for a thread that must not wait: see writer-ticket.h.  Collected is
 * what is open, and nothing else.
 */
enum writer_handed auditlog_hand(struct auditlog *, struct slice record,
    struct writer_ticket *) MUST_CHECK NONNULL;
enum writer_handed auditlog_hand_refusal(struct auditlog *, struct slice record,
    struct writer_ticket *) MUST_CHECK NONNULL;
bool auditlog_hand_ahead(struct auditlog *, struct slice record) MUST_CHECK
    NONNULL;
bool auditlog_hand_ahead_refusal(struct auditlog *, struct slice record)
    MUST_CHECK NONNULL;
bool auditlog_collect(struct auditlog *, struct writer_ticket *,
    struct writer_outcome *) MUST_CHECK NONNULL;
/*
 * For a thread that many peers wait for: while the log cannot take a record it
 * is refused at once, also with audit-full = block.
 */
bool auditlog_offer(struct auditlog *, struct slice record) MUST_CHECK NONNULL;

/*
 * Around record_format(): what *hide is there for.  False: people cannot be
 * hidden as the setting privacy wants it, and there is no record (salting.h).
 * Behind a true one auditlog_end_people() is called in any case; the record is
 * handed over only when that is true, too.
 */
bool auditlog_begin_people(struct auditlog *, bool accepts,
    struct person_hiding *, struct person_hiding **hide) MUST_CHECK NONNULL;
bool auditlog_end_people(struct auditlog *, struct person_hiding *hide)
    MUST_CHECK;
void auditlog_people(struct auditlog *, struct salting_stats *) NONNULL;

/*
 * For SIGHUP, after the settings were read again: opens the file anew by its
 * name (logrotate has moved the old one) and follows changed settings.  On
 * failure the old file stays in use.
 */
bool auditlog_reopen(struct auditlog *, const struct settings *, struct fault *)
    MUST_CHECK NONNULL;

/*
 * To be called every second or so, by one thread: the log says when the disk
 * has ceased to answer and when it does again, and people of old days are
 * erased.
 */
void auditlog_watch(struct auditlog *) NONNULL;

/* For the metrics.  False: the log is off. */
bool auditlog_stats(struct auditlog *, struct writer_stats *) NONNULL;

/* Everything submitted is written and synchronised when it returns. */
void auditlog_close(struct auditlog *);

#endif
