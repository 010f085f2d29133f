/*
 * The writer's loop: rounds while there is work, tries while writing fails, a
 * look at the file's name every second, and what is left at the end.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "milter/auditlog/writer-queue.h"

enum {
	RETRY_MS = 100,
	COALESCE_MS = 5,
	LAST_TRIES = 20 /* at the end, RETRY_MS apart */
};

/* Sleeps until there is something to do; the lock is held. */
static void
wait_for_work(struct writer *w)
{
	while (w->first == NULL && w->reopening == NULL && !w->stopping &&
	    w->sealed == NULL && !w->forgot) {
		int64_t due = w->watched_ms + WRITER_WATCH_MS;
		struct timespec until = writer_time(due);

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
	struct timespec until = writer_time(clock_ms() + COALESCE_MS);

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
	struct timespec until = writer_time(clock_ms() + RETRY_MS);

	while (w->reopening == NULL && !w->stopping &&
	    pthread_cond_timedwait(&w->work, &w->lock, &until) != ETIMEDOUT)
		;
}

/* Who waits is told 451; what is lost is a refusal, or a withdrawal. */
static unsigned
drop(struct entry *entry)
{
	bool lost = !entry->waited;

	if (entry->waited && !entry->abandoned) {
		entry->state = ENTRY_DROPPED;
		entry->refused = true;
		writer_tell(entry);
	} else {
		free(entry);
	}
	return lost;
}

/* What is left when the file cannot be written to the end; lock held. */
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

void *
writer_thread(void *arg)
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
