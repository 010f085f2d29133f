/*
 * writer-internal.h - what the two sides of the queue share; private to writer.h.
 *
 * Each file calls only those named before it: writer-queue.c (the callbacks'
 * side), writer-epoch.c (when the key of the chain goes), writer-round.c (one
 * round), writer-keep.c and writer-sync.c (threads that note where the log ends,
 * and that sync), writer-reopen.c (a change of files), writer.c.
 */
#ifndef TLSPOLICY_MILTER_AUDITLOG_WRITER_INTERNAL_H
#define TLSPOLICY_MILTER_AUDITLOG_WRITER_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "milter/auditlog/logfile-epoch.h"
#include "milter/auditlog/logstate.h"
#include "milter/auditlog/signing.h"
#include "milter/auditlog/writer-entry.h"
#include "milter/auditlog/writer.h"
#include "policy/policy.h"

enum { WRITER_SYNC_MS = 100, WRITER_WATCH_MS = 1000 };

struct writer {
	pthread_mutex_t lock;
	pthread_cond_t work;	 /* wakes the writer */
	pthread_cond_t sync_work; /* wakes the syncing thread */
	pthread_cond_t progress; /* wakes submitters */
	pthread_cond_t keep_work; /* wakes the keeping thread */
	pthread_t thread, syncer, keeper;

	/* Under the lock. */
	struct entry *first, **last;
	struct entry *outside; /* of tickets, until there is room */
	size_t queued, room;
	unsigned wait_ms;
	enum audit_sync sync;
	enum audit_full full;
	bool failing, stopping, ended;
	int64_t waiting_ms; /* since when the oldest has waited; 0: none does */
	int64_t busy_ms; /* since when a round has been under way; 0: none is */
	unsigned inside; /* submitters that wait */
	struct reopening *reopening;
	struct writer_stats stats;
	uint64_t unrecorded; /* refusals that no "unrecorded" line counts yet */
	int64_t unrecorded_since, unrecorded_until;

	/*
	 * Bytes written since the start, and how many of them are on the disk.
	 * The syncing thread begins only while the writer is not about to sync
	 * itself, and the writer changes files only while nobody syncs.
	 */
	uint64_t put, safe;
	int64_t unsynced_ms; /* since when there are others */
	int fd;		 /* of the file, for the syncing thread */
	bool syncing;	 /* fdatasync(2) is under way */
	bool own_sync;	 /* the writer syncs: the thread must not begin */
	bool forgot;	 /* its sync failed: the writer writes and syncs again */
	int64_t sync_busy_ms, last_sync_ms;
	/* The last lines in the file, and of those on the disk. */
	struct chain_head written, synced;
	bool keep_no_more;
	atomic_bool stream; /* nothing of it is looked for again */

	struct signing signing;
	struct logstate state; /* only the keeping thread's, once there is */
	bool told_unknown;     /* WRITER_UNKNOWN */

	/* Only the writer's thread touches these. */
	struct writer_options options; /* without path and key */
	struct logfile file;
	struct entry *sealed, **sealed_last; /* in the file's buffer */
	struct entry *unsynced, **unsynced_last; /* written; sync = each */
	struct reopening *now; /* how the open file was asked for */
	int64_t watched_ms, renamed_ms; /* the latter 0: it has its name */
	bool homeless; /* the file has no name, and there is no new one */
	bool told_astray, reported; /* WRITER_ASTRAY; WRITER_FAILING */
	uint64_t epoch_seq; /* the last line of the epoch before; 0: not known */
	int64_t epoch_due_ms, epoch_try_ms;
};

/* writer-queue.c; lock held */
bool writer_is_crowded(const struct writer *) MUST_CHECK NONNULL;
bool writer_is_stalled(const struct writer *) NONNULL;
void writer_admit(struct writer *) NONNULL; /* who waits outside */
void writer_settle(struct entry *) NONNULL; /* it has a ticket, and is settled */

/* writer-epoch.c */
void writer_epoch_opened(struct writer *) NONNULL; /* it begins or goes on */
bool writer_epoch_is_due(const struct writer *) NONNULL; /* lock held */
/* Seals the epoch's last line; false: the epoch goes on, which was told. */
bool writer_epoch_end(struct writer *) MUST_CHECK NONNULL;
/* That line is safe: turns the key.  False with a fault: to be tried again. */
bool writer_epoch_begin(struct writer *, struct fault *) MUST_CHECK NONNULL;

/* writer-round.c */
void writer_report(struct writer *, enum writer_event, const struct fault *);
void writer_log_opened(const struct writer *, const char *path,
    struct fault *opened) NONNULL;
void writer_report_lost(struct writer *, const char *what) NONNULL;
void writer_round(struct writer *) NONNULL;
bool writer_sync(struct writer *, struct fault *) MUST_CHECK NONNULL;
bool writer_sync_salts(struct writer *) NONNULL; /* of records */
/* Back to the front of the queue, in order; the lock is held. */
void writer_give_back(struct writer *, struct entry *list);

/* writer-keep.c */
void writer_keep_open(struct writer *, const struct writer_options *) NONNULL;
void writer_keep_opened(struct writer *) NONNULL; /* what was missed */
void *writer_keep_thread(void *writer);

void *writer_sync_thread(void *writer); /* writer-sync.c */

/* writer-reopen.c */
void writer_reopen_now(struct writer *, struct reopening *) NONNULL;
/* Once a second: is the file still the one that its name says? */
void writer_watch(struct writer *) NONNULL;

#endif
