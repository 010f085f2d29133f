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

struct auditlog {
	_Atomic(struct writer *) writer; /* NULL: audit-file = /dev/null */
	bool stalled; /* the disk does not answer, and the log says so */
	struct salting salting;
};

/* The file is /dev/null: nothing is recorded. */
bool auditlog_is_off(const struct settings *) NONNULL;

/* NULL with a fault: no such directory, no permission, a bad key file. */
struct auditlog *auditlog_open(const struct settings *, struct fault *)
    MUST_CHECK;

/* See writer_submit(). */
static inline bool MUST_CHECK
auditlog_submit(struct auditlog *a, struct slice record,
    enum writer_patience patience)
{
	struct writer *w = atomic_load(&a->writer);

	return w == NULL || writer_submit(w, record, patience);
}

/* Counts a refusal that cannot be recorded, as a refused record; false. */
bool auditlog_lose_refusal(struct auditlog *) NONNULL;
/*
 * auditlog_submit() for a thread that must not wait: see writer-ticket.h.
 * auditlog_collect() takes open tickets alone.
 */
enum writer_handed auditlog_hand(struct auditlog *, struct slice record,
    enum writer_patience, struct writer_ticket *) MUST_CHECK NONNULL;
bool auditlog_hand_ahead(struct auditlog *, struct slice record,
    enum writer_patience) MUST_CHECK NONNULL;
bool auditlog_collect(struct auditlog *, struct writer_ticket *,
    struct writer_outcome *) MUST_CHECK NONNULL;

/*
 * With the setting privacy, around record_format(): what *hide is there for.
 * False: people cannot be hidden as it wants, and there is no record
 * (salting.h).  When *hide is set auditlog_end_people() is called in any case;
 * the record is handed over only when that is true, too.
 */
static inline bool
auditlog_hides_people(struct auditlog *a)
{
	return atomic_load(&a->writer) != NULL && salting_is_on(&a->salting);
}

bool auditlog_begin_people(struct auditlog *, bool accepts,
    struct person_hiding **hide) MUST_CHECK NONNULL;
bool auditlog_end_people(struct auditlog *, struct person_hiding *hide)
    MUST_CHECK NONNULL;
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
