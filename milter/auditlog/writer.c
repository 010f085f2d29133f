/*
 * The side of those who wait.  A record is one allocation; the lock is held
 * for the time of linking it in.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "milter/auditlog/writer-queue.h"

enum { QUEUE_BYTES = 16 * 1024 * 1024, WAIT_MS = 5000 };

/* The lock is held. */
static bool
wait_for_room(struct writer *w, size_t n, enum writer_patience patience,
    const struct timespec *deadline)
{
	while (!writer_has_room(w, n, patience)) {
		if (patience == WRITER_IMPATIENT || w->full != AUDIT_FULL_BLOCK ||
		    (patience == WRITER_REFUSAL && w->stats.scarce))
			return false;
		if (pthread_cond_timedwait(&w->progress, &w->lock, deadline) ==
		    ETIMEDOUT)
			return writer_has_room(w, n, patience);
	}
	return true;
}

/*
 * Waits until the record is in the file, or on the disk (each).  When time is
 * up, or writing failed, the record is taken back: out of the queue, or by a
 * line that says so.
 */
static bool
wait_for_record(struct writer *w, struct entry *entry,
    const struct timespec *deadline)
{
	int error = 0;

	while (entry->state != ENTRY_DONE && !entry->refused && error == 0)
		error = pthread_cond_timedwait(&w->progress, &w->lock,
		    deadline);
	if (entry->state == ENTRY_DONE) {
		free(entry);
		return true;
	}
	writer_take_back(w, entry);
	return false;
}

static bool
submit(struct writer *w, struct slice record, enum writer_patience patience)
{
	struct entry *entry = writer_entry_new(record);
	struct timespec deadline;
	bool taken = false;

	writer_deadline(&deadline, w->wait_ms);
	pthread_mutex_lock(&w->lock);
	w->inside++;
	if (entry != NULL && wait_for_room(w, record.n, patience,
	    &deadline)) {
		entry->waited = patience != WRITER_REFUSAL ||
		    w->sync == AUDIT_SYNC_EACH;
		writer_enqueue(w, entry);
		taken = !entry->waited || wait_for_record(w, entry, &deadline);
		entry = NULL;
	}
	writer_count(w, taken, patience);
	if (--w->inside == 0 && w->ended)
		pthread_cond_broadcast(&w->progress);
	pthread_mutex_unlock(&w->lock);
	free(entry);
	return taken;
}

bool
writer_submit(struct writer *w, struct slice record)
{
	return submit(w, record, WRITER_PATIENT);
}

bool
writer_offer(struct writer *w, struct slice record)
{
	return submit(w, record, WRITER_IMPATIENT);
}

bool
writer_submit_refusal(struct writer *w, struct slice record)
{
	return submit(w, record, WRITER_REFUSAL);
}

void
writer_lose_refusal(struct writer *w)
{
	pthread_mutex_lock(&w->lock);
	writer_count(w, false, WRITER_REFUSAL);
	pthread_mutex_unlock(&w->lock);
}

static uint64_t
age(int64_t since_ms)
{
	return since_ms == 0 ? 0 : (uint64_t)(clock_ms() - since_ms);
}

void
writer_stats(struct writer *w, struct writer_stats *stats)
{
	pthread_mutex_lock(&w->lock);
	*stats = w->stats;
	stats->queued = w->queued;
	stats->unwritten_ms = age(w->waiting_ms);
	stats->syncs_on = w->sync != AUDIT_SYNC_NONE;
	stats->unsynced_ms = stats->syncs_on ? age(w->unsynced_ms) : 0;
	stats->stalled = writer_is_stalled(w);
	stats->failing = w->failing || stats->stalled;
	pthread_mutex_unlock(&w->lock);
}

static void
end_syncer(struct writer *w)
{
	pthread_mutex_lock(&w->lock);
	w->ended = true;
	pthread_cond_signal(&w->sync_work);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->syncer, NULL);
}

static void
end_keeper(struct writer *w)
{
	pthread_mutex_lock(&w->lock);
	w->keep_no_more = true;
	pthread_cond_signal(&w->keep_work);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->keeper, NULL);
}

static int
start_threads(struct writer *w)
{
	int error = pthread_create(&w->syncer, NULL, writer_sync_thread, w);

	if (error != 0)
		return error;
	error = pthread_create(&w->keeper, NULL, writer_keep_thread, w);
	if (error == 0 && (error = pthread_create(&w->thread, NULL,
	    writer_thread, w)) != 0)
		end_keeper(w);
	if (error != 0)
		end_syncer(w);
	return error;
}

static bool
start(struct writer *w, struct fault *fault)
{
	pthread_condattr_t monotonic;
	int error;

	pthread_mutex_init(&w->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&w->work, &monotonic);
	pthread_cond_init(&w->sync_work, &monotonic);
	pthread_cond_init(&w->keep_work, &monotonic);
	pthread_cond_init(&w->progress, &monotonic);
	pthread_condattr_destroy(&monotonic);
	error = start_threads(w);
	return error == 0 || fault_errno(fault, FAULT_UNAVAILABLE, error,
	    "cannot start the thread of the audit log");
}

/* A stream cannot be brought to a disk. */
static bool
open_file(struct writer *w, const struct writer_options *o,
    struct fault *fault)
{
	writer_keep_open(w, o);
	if (!signing_open(&w->signing, o->checkpoint_key, o->checkpoint_file,
	    o->checkpoint_s, fault))
		return false;
	w->file.signing = &w->signing;
	if (o->ratchet != NULL && (w->file.ratchet = ratchet_open(o->ratchet,
	    fault)) == NULL)
		return false;
	if (!logfile_open(&w->file, o->path, o->key, NULL, o->clock(), fault))
		return false;
	writer_keep_opened(w);
	writer_epoch_opened(w);
	w->stream = w->file.stream;
	if (w->file.stream)
		w->sync = AUDIT_SYNC_NONE;
	return true;
}

struct writer *
writer_open(const struct writer_options *options, struct fault *fault)
{
	struct writer *w = calloc(1, sizeof *w);

	if (w == NULL) {
		fault_errno(fault, FAULT_UNAVAILABLE, errno, "audit log");
		return NULL;
	}
	w->last = &w->first;
	w->sealed_last = &w->sealed;
	w->unsynced_last = &w->unsynced;
	w->file.fd = -1;
	w->options = *options;
	w->options.path = NULL;
	w->options.key = slice_make(NULL, 0);
	w->options.ratchet = NULL;
	w->options.state_folder = NULL;
	w->options.checkpoint_key = w->options.checkpoint_file = NULL;
	w->state.dir = -1;
	w->sync = options->sync;
	w->full = options->full;
	w->room = options->queue_bytes != 0 ? options->queue_bytes :
	    QUEUE_BYTES;
	w->wait_ms = options->wait_ms != 0 ? options->wait_ms : WAIT_MS;
	w->now = writer_reopening_new(options, fault);
	if (w->now != NULL && open_file(w, options, fault) &&
	    start(w, fault)) {
		writer_report_opened(w, options->path);
		return w;
	}
	logstate_close(&w->state);
	signing_close(&w->signing);
	ratchet_close(w->file.ratchet);
	logfile_close(&w->file);
	writer_reopening_free(w->now);
	free(w);
	return NULL;
}

/* False: the disk does not answer, and the thread is still there. */
static bool
wait_for_end(struct writer *w)
{
	struct timespec deadline;
	int error = 0;

	writer_deadline(&deadline, 2 * w->wait_ms);
	pthread_mutex_lock(&w->lock);
	w->stopping = true;
	pthread_cond_signal(&w->work);
	while ((!w->ended || w->inside > 0) && error == 0)
		error = pthread_cond_timedwait(&w->progress, &w->lock,
		    &deadline);
	pthread_mutex_unlock(&w->lock);
	return error == 0;
}

void
writer_close(struct writer *w)
{
	if (!wait_for_end(w)) {
		writer_report_lost(w, "the disk does not answer; what it has "
		    "not taken is lost");
		return;
	}
	pthread_join(w->thread, NULL);
	pthread_join(w->syncer, NULL);
	end_keeper(w); /* notes the very end */
	logstate_close(&w->state);
	signing_close(&w->signing);
	writer_reopening_free(w->now);
	writer_reopening_free(w->reopening);
	ratchet_close(w->file.ratchet);
	logfile_close(&w->file);
	pthread_cond_destroy(&w->progress);
	pthread_cond_destroy(&w->work);
	pthread_cond_destroy(&w->sync_work);
	pthread_cond_destroy(&w->keep_work);
	pthread_mutex_destroy(&w->lock);
	free(w);
}
