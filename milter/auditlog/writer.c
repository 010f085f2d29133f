/*
 * The writer's life: opened, its loop, closed.  The loop has rounds while there
 * is work, tries while writing fails, a look at the file's name every second,
 * and what is left at the end.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "milter/auditlog/writer-internal.h"

enum {
	QUEUE_BYTES = 16 * 1024 * 1024,
	WAIT_MS = 5000,
	RETRY_MS = 100,
	COALESCE_MS = 5,
	LAST_TRIES = 20 /* at the end, RETRY_MS apart */
};

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

/* Sleeps until there is something to do; the lock is held. */
static void
wait_for_work(struct writer *w)
{
	while (w->first == NULL && w->reopening == NULL && !w->stopping &&
	    w->sealed == NULL && !w->forgot) {
		int64_t due = w->watched_ms + WRITER_WATCH_MS;
		struct timespec until = clock_at_ms(due);

		if (clock_ms() >= due)
			return;
		pthread_cond_timedwait(&w->work, &w->lock, &until);
	}
}

/*
 * Waking up and a system call for every record cost more than the record.
 * While nobody waits, those of some milliseconds go together.  Lock held.
 */
static void
coalesce(struct writer *w)
{
	struct timespec until = clock_at_ms(clock_ms() + COALESCE_MS);

	while (w->first != NULL && w->inside == 0 && !w->stopping &&
	    w->reopening == NULL && !writer_is_crowded(w))
		if (pthread_cond_timedwait(&w->work, &w->lock, &until) ==
		    ETIMEDOUT)
			break;
}

/* Sleeps before the next try; the lock is held. */
static void
wait_for_retry(struct writer *w)
{
	struct timespec until = clock_at_ms(clock_ms() + RETRY_MS);

	while (w->reopening == NULL && !w->stopping &&
	    pthread_cond_timedwait(&w->work, &w->lock, &until) != ETIMEDOUT)
		;
}

/*
 * Drops an entry: its submitter is told 451, or a refusal or withdrawal is
 * lost.
 */
static unsigned
drop(struct entry *entry)
{
	bool lost = !entry->waited;

	if (entry->waited && !entry->abandoned) {
		entry->state = ENTRY_DROPPED;
		entry->refused = true;
		if (entry->ticket != NULL)
			writer_settle(entry);
	} else {
		free(entry);
	}
	return lost;
}

/*
 * Drops all that is left when the file cannot be written at the end; lock held.
 */
static unsigned
drop_all(struct writer *w)
{
	unsigned lost = 0;
	struct entry *lists[] = { w->sealed, w->first, w->unsynced,
		w->outside };

	for (size_t i = 0; i < 4; i++)
		while (lists[i] != NULL) {
			struct entry *entry = lists[i];

			lists[i] = entry->next;
			lost += drop(entry);
		}
	w->first = w->sealed = w->unsynced = w->outside = NULL;
	w->last = &w->first;
	return lost;
}

static void
end(struct writer *w)
{
	char words[80];
	uint64_t unrecorded;
	unsigned lost;

	pthread_mutex_lock(&w->lock);
	unrecorded = w->unrecorded;
	lost = drop_all(w);
	pthread_mutex_unlock(&w->lock);
	snprintf(words, sizeof words, "%u records that no mail waited for could "
	    "not be written", lost);
	if (lost > 0)
		writer_report_lost(w, words);
	snprintf(words, sizeof words, "%llu refusals are not recorded, and no "
	    "line says so", (unsigned long long)unrecorded);
	if (unrecorded > 0)
		writer_report_lost(w, words);
	if (w->file.forgotten)
		writer_report_lost(w, "the last records are written, but could "
		    "not be brought to the disk");
	pthread_mutex_lock(&w->lock);
	w->ended = true;
	pthread_cond_broadcast(&w->progress);
	pthread_cond_signal(&w->sync_work);
	pthread_mutex_unlock(&w->lock);
}

/* Once a second; a file that has no name left is replaced at once. */
static bool
is_watch_due(const struct writer *w)
{
	return clock_ms() >= w->watched_ms + WRITER_WATCH_MS ||
	    logfile_is_nameless(&w->file);
}

static void *
run(void *arg)
{
	struct writer *w = arg;
	struct reopening *reopening;
	bool stopping, again;
	int tries = 0;
	sigset_t all;

	/* Also keeps SIGXFSZ off: a file that is too large is an error here. */
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	w->file.keep = w->sync != AUDIT_SYNC_NONE;
	writer_round(w); /* writes the link that logfile_open() sealed */
	writer_watch(w);
	for (;;) {
		pthread_mutex_lock(&w->lock);
		if (w->failing)
			wait_for_retry(w);
		else {
			wait_for_work(w);
			coalesce(w);
		}
		reopening = w->reopening;
		w->reopening = NULL;
		stopping = w->stopping;
		pthread_mutex_unlock(&w->lock);
		if (reopening != NULL)
			writer_reopen_now(w, reopening);
		if (is_watch_due(w))
			writer_watch(w);
		writer_round(w);
		pthread_mutex_lock(&w->lock);
		again = w->failing || (w->stats.stuck && writer_epoch_is_due(w));
		stopping = stopping && (again ? ++tries > LAST_TRIES :
		    w->first == NULL && !w->file.unsynced &&
		    !w->file.ended && !writer_epoch_is_due(w));
		pthread_mutex_unlock(&w->lock);
		if (stopping)
			break;
		if (again && tries > 0)
			nanosleep(&(struct timespec){ 0, RETRY_MS * 1000000 },
			    NULL);
	}
	end(w);
	return NULL;
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
	    run, w)) != 0)
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
	if (signing_is_on(&w->signing))
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
	struct fault opened;

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
	if (w->now != NULL && open_file(w, options, fault)) {
		/* Once the thread runs the head is its own. */
		writer_log_opened(w, options->path, &opened);
		if (start(w, fault)) {
			writer_report(w, WRITER_OPENED, &opened);
			return w;
		}
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
	struct timespec deadline = clock_at_ms(clock_ms() + 2 * w->wait_ms);
	int error = 0;

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
