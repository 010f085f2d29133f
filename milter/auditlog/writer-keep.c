/*
 * Where the log ends is noted by a thread of its own: whatever becomes of that
 * folder and its disk, no mail waits for it.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "milter/auditlog/writer-internal.h"

enum { KEEP_MS = 1000 };

/* Before the log is opened: what was noted. */
void
writer_keep_open(struct writer *w, const struct writer_options *o)
{
	struct fault fault;

	w->state.dir = -1;
	if (o->state_folder == NULL)
		return;
	if (!logstate_open(&w->state, o->state_folder, o->path, &fault)) {
		writer_report(w, WRITER_UNKEPT, &fault);
		return;
	}
	switch (logstate_read(&w->state, &fault)) {
	case LOGSTATE_FOUND:
		w->file.known = w->state.head.seq > 0 ? &w->state.head : NULL;
		break;
	case LOGSTATE_FAILED:
		w->told_unknown = true;
		writer_report(w, WRITER_UNKNOWN, &fault);
		break;
	case LOGSTATE_ABSENT:
		break;
	}
}

static void
report_loss(struct writer *w)
{
	unsigned long long known = w->state.head.seq, ends = w->file.ends;
	struct fault fault;

	switch (w->file.loss) {
	case LOGFILE_CUT:
		fault_set(&fault, FAULT_IO, "%s: lines %llu to %llu are "
		    "missing at the end", w->state.file, ends + 1, known);
		break;
	case LOGFILE_LOST:
		fault_set(&fault, FAULT_IO, "%s: the log is gone, up to line "
		    "%llu", w->state.file, known);
		break;
	default:
		fault_set(&fault, FAULT_IO, "%s: line %llu is not what it was",
		    w->state.file, known);
		break;
	}
	w->stats.astray = true;
	w->stats.lost = known > ends ? known - ends : 1;
	writer_report(w, WRITER_MISSES, &fault);
}

void
writer_keep_opened(struct writer *w)
{
	struct fault fault;

	if (w->file.loss != LOGFILE_NOTHING)
		report_loss(w);
	/* A log that was there before anything was noted of it. */
	w->written = w->synced = w->file.written;
	if (w->state.dir == -1 || w->told_unknown || w->state.head.seq > 0 ||
	    w->file.written.seq == 0)
		return;
	fault_set(&fault, FAULT_IO, "%s: nothing is noted of it in %s",
	    w->state.file, w->state.folder);
	writer_report(w, WRITER_UNKNOWN, &fault);
}

/* The lock is not held. */
static void
keep(struct writer *w, const struct chain_head *head, bool sync, bool *failing)
{
	struct chain_head before = w->state.head;
	struct fault fault;
	bool good;

	w->state.head = *head;
	good = logstate_write(&w->state, sync, &fault);
	if (!good)
		w->state.head = before;
	if (good == *failing)
		writer_report(w, good ? WRITER_KEPT : WRITER_UNKEPT, &fault);
	*failing = !good;
	pthread_mutex_lock(&w->lock);
	w->stats.kept = good;
	pthread_mutex_unlock(&w->lock);
}

static bool
is_same(const struct chain_head *a, const struct chain_head *b)
{
	return a->seq == b->seq && strcmp(a->hex, b->hex) == 0;
}

/* A second later, or at the end at once; the lock is held. */
static bool
wait_for_next(struct writer *w)
{
	struct timespec until = writer_time(clock_ms() + KEEP_MS);

	while (!w->keep_no_more && pthread_cond_timedwait(&w->keep_work,
	    &w->lock, &until) == 0)
		;
	return !w->keep_no_more;
}

void *
writer_keep_thread(void *arg)
{
	struct writer *w = arg;
	bool failing = false, more = true;
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	pthread_mutex_lock(&w->lock);
	while (more) {
		struct chain_head head;
		bool sync;

		more = wait_for_next(w);
		sync = w->sync != AUDIT_SYNC_NONE;
		head = sync ? w->synced : w->written;
		if (w->state.dir == -1 || head.seq == 0 || w->stream ||
		    (!failing && is_same(&head, &w->state.head)))
			continue;
		pthread_mutex_unlock(&w->lock);
		keep(w, &head, sync, &failing);
		pthread_mutex_lock(&w->lock);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}
