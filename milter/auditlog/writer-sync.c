/*
 * audit-sync = batch: a thread that does nothing but fdatasync(2), so that the
 * writer goes on writing, and answering, meanwhile.  When it fails the writer
 * takes over: what was dropped has to be written again first.
 */
#include <signal.h>

#include <unistd.h>

#include "milter/auditlog/writer-internal.h"

/* Waits until it is time; false: it is the end.  The lock is held. */
static bool
wait_until_due(struct writer *w)
{
	while (!w->ended) {
		bool dirty = w->sync == AUDIT_SYNC_BATCH && w->put > w->safe &&
		    !w->forgot && !w->own_sync;
		struct timespec until;

		if (!dirty) {
			pthread_cond_wait(&w->sync_work, &w->lock);
			continue;
		}
		if (clock_ms() >= w->last_sync_ms + WRITER_SYNC_MS)
			return true;
		until = clock_at_ms(w->last_sync_ms + WRITER_SYNC_MS);
		pthread_cond_timedwait(&w->sync_work, &w->lock, &until);
	}
	return false;
}

/* The lock is held, but not while the disk works. */
static void
sync_once(struct writer *w)
{
	uint64_t put = w->put;
	struct chain_head written = w->written;
	int64_t began = clock_ms();
	int fd = w->fd;
	bool good;

	w->syncing = true;
	w->sync_busy_ms = w->last_sync_ms = began;
	pthread_mutex_unlock(&w->lock);
	/*
	 * A failed sync of salts need not be looked at: salting_begin()
	 * refuses from then on.
	 */
	(void)writer_sync_salts(w);
	good = fdatasync(fd) == 0;
	pthread_mutex_lock(&w->lock);
	w->syncing = false;
	w->sync_busy_ms = 0;
	w->stats.syncs += good;
	if (good) {
		w->safe = put;
		w->synced = written;
		w->unsynced_ms = w->put > put ? began : 0;
	} else {
		w->forgot = true;
		pthread_cond_signal(&w->work);
	}
	writer_admit(w);
	pthread_cond_broadcast(&w->progress);
}

void *
writer_sync_thread(void *arg)
{
	struct writer *w = arg;
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	pthread_mutex_lock(&w->lock);
	while (wait_until_due(w))
		sync_once(w);
	pthread_mutex_unlock(&w->lock);
	return NULL;
}
