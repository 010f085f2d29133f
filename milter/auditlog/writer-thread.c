/*
 * One round: take what is queued, seal it into the file's buffer, write it at
 * once, sync when it is time, and settle with those who wait.  Nothing but
 * taking and settling needs the lock.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "milter/auditlog/writer-internal.h"

enum {
	ROUND_BYTES = 1024 * 1024,
	SYNC_MS = 100,	/* audit-sync = batch */
	GATHER_MS = 5,	/* nobody waits: let records come together */
	RETRY_MS = 100,
	LAST_TRIES = 20 /* at the end, RETRY_MS apart */
};

int64_t
writer_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void
writer_tell(struct writer *w, enum writer_event event, const struct fault *fault)
{
	if (w->options.report != NULL)
		w->options.report(w->options.arg, event, fault);
}

void
writer_tell_opened(struct writer *w, const char *path)
{
	struct fault fault;

	fault_set(&fault, FAULT_NONE, "%s: line %llu, head %s", path,
	    (unsigned long long)w->file.head.seq, w->file.head.hex);
	writer_tell(w, WRITER_OPENED, &fault);
}

void
writer_tell_lost(struct writer *w, const char *what)
{
	struct fault fault;

	fault_set(&fault, FAULT_IO, "%s", what);
	writer_tell(w, WRITER_LOST, &fault);
}

static void
append(struct entry ***last, struct entry *entry)
{
	entry->next = NULL;
	**last = entry;
	*last = &entry->next;
}

/* Sleeps until there is something to do; the lock is held. */
static void
wait_for_work(struct writer *w)
{
	while (w->first == NULL && w->reopening == NULL && !w->stopping &&
	    !w->failing && w->sealed == NULL) {
		struct timespec until;
		int64_t due = w->last_sync_ms + SYNC_MS;

		if (!w->file.unsynced || w->sync != AUDIT_SYNC_BATCH) {
			pthread_cond_wait(&w->work, &w->lock);
			continue;
		}
		if (due <= writer_ms())
			return;
		until.tv_sec = due / 1000;
		until.tv_nsec = due % 1000 * 1000000;
		pthread_cond_timedwait(&w->work, &w->lock, &until);
	}
}

/*
 * Waking up and a system call for every record cost more than the record.
 * When nobody waits for the disk, those of some milliseconds go together.
 * The lock is held.
 */
static void
gather(struct writer *w)
{
	int64_t due = writer_ms() + GATHER_MS;
	struct timespec until = { due / 1000, due % 1000 * 1000000 };

	while (w->sync != AUDIT_SYNC_EACH && w->first != NULL &&
	    !w->stopping && w->reopening == NULL && !writer_is_crowded(w))
		if (pthread_cond_timedwait(&w->work, &w->lock, &until) ==
		    ETIMEDOUT)
			break;
}

/* Sleeps before the next try; the lock is held. */
static void
wait_for_retry(struct writer *w)
{
	int64_t due = writer_ms() + RETRY_MS;
	struct timespec until = { due / 1000, due % 1000 * 1000000 };

	while (w->reopening == NULL && !w->stopping &&
	    pthread_cond_timedwait(&w->work, &w->lock, &until) != ETIMEDOUT)
		;
}

/* Moves records from the queue to the list of sealed ones; lock held. */
static struct entry *
take(struct writer *w)
{
	struct entry *taken = w->first, **end = &taken;
	size_t n = 0;

	while (*end != NULL && n < ROUND_BYTES) {
		(*end)->state = ENTRY_SEALED;
		n += (*end)->n;
		end = &(*end)->next;
	}
	w->first = *end;
	if (w->first == NULL)
		w->last = &w->first;
	*end = NULL;
	w->queued -= n;
	return taken;
}

void
writer_give_back(struct writer *w, struct entry *list)
{
	struct entry **end = &list;

	while (*end != NULL) {
		(*end)->state = ENTRY_QUEUED;
		w->queued += (*end)->n;
		end = &(*end)->next;
	}
	if (list == NULL)
		return;
	*end = w->first;
	if (w->first == NULL)
		w->last = end;
	w->first = list;
}

/* False: what could not be sealed is back in the queue. */
static bool
seal(struct writer *w, struct entry *list, struct fault *fault)
{
	while (list != NULL) {
		struct entry *entry = list;

		entry->before = w->file.head;
		entry->start = w->file.n;
		if (!logfile_seal(&w->file, slice_make(entry->record,
		    entry->n))) {
			pthread_mutex_lock(&w->lock);
			writer_give_back(w, list);
			pthread_mutex_unlock(&w->lock);
			return fault_errno(fault, FAULT_UNAVAILABLE, ENOMEM,
			    "cannot chain a record");
		}
		list = entry->next;
		entry->end = w->file.n;
		append(&w->sealed_last, entry);
	}
	return true;
}

/* A line that says that a record's submitter was told 451.  Lock held. */
static void
withdraw(struct writer *w, const struct entry *entry)
{
	char line[256];
	struct text out;
	struct jsonput j;
	struct entry *note;

	text_init(&out, line, sizeof line);
	jsonput_start(&j, &out);
	JSONPUT_LITERAL(&j, "{\"v\":1,\"event\":\"withdrawn\",\"time\":");
	jsonput_time(&j, w->options.clock());
	JSONPUT_LITERAL(&j, ",\"of\":");
	jsonput_number(&j, entry->before.seq + 1);
	JSONPUT_LITERAL(&j, "}");
	jsonput_finish(&j);
	w->stats.withdrawn++;
	if ((note = calloc(1, sizeof *note + out.n)) == NULL)
		return;
	note->n = out.n;
	memcpy(note->record, out.buf, out.n);
	writer_give_back(w, note);
}

/* A record is as safe as was promised; lock held. */
static void
done(struct writer *w, struct entry *entry)
{
	if (entry->abandoned)
		withdraw(w, entry);
	if (entry->waited && !entry->abandoned)
		entry->state = ENTRY_DONE;
	else
		free(entry);
}

/* Whoever waits is told at once that it did not work; lock held. */
static void
refuse(struct writer *w, struct entry *list)
{
	for (; list != NULL && w->full != AUDIT_FULL_BLOCK; list = list->next)
		list->refused = list->waited;
}

/* Sealed records whose last byte is in the file; lock held. */
static void
settle_written(struct writer *w)
{
	while (w->sealed != NULL && w->sealed->end <= w->file.at) {
		struct entry *entry = w->sealed;

		w->sealed = entry->next;
		if (w->sealed == NULL)
			w->sealed_last = &w->sealed;
		w->stats.written++;
		if (entry->waited)
			append(&w->unsynced_last, entry);
		else
			done(w, entry);
	}
}

/*
 * Of the sealed records that are not in the file the first one may be there in
 * part: its rest has to follow.  All others go back to the queue, so that
 * whoever is tired of waiting can take his back.  Lock held.
 */
static void
settle_unwritten(struct writer *w)
{
	struct entry **p = &w->sealed, *rest;

	while (*p != NULL && (*p)->start < w->file.at)
		p = &(*p)->next;
	if ((rest = *p) == NULL)
		return;
	logfile_unseal(&w->file, rest->start, &rest->before);
	*p = NULL;
	w->sealed_last = p;
	writer_give_back(w, rest);
}

static bool
sync_is_due(const struct writer *w)
{
	if (w->unsynced != NULL || w->stopping)
		return true;
	return w->sync == AUDIT_SYNC_BATCH && w->file.unsynced &&
	    writer_ms() >= w->last_sync_ms + SYNC_MS;
}

bool
writer_sync(struct writer *w, struct fault *fault)
{
	struct entry *list;

	if (!logfile_sync(&w->file, fault))
		return false;
	w->last_sync_ms = writer_ms();
	pthread_mutex_lock(&w->lock);
	w->stats.syncs++;
	list = w->unsynced;
	w->unsynced = NULL;
	w->unsynced_last = &w->unsynced;
	while (list != NULL) {
		struct entry *entry = list;

		list = entry->next;
		done(w, entry);
	}
	pthread_cond_broadcast(&w->progress);
	pthread_mutex_unlock(&w->lock);
	return true;
}

static bool
write_round(struct writer *w, struct fault *fault)
{
	struct entry *taken;
	bool due, good;

	logfile_begin(&w->file, w->options.clock());
	pthread_mutex_lock(&w->lock);
	/*
	 * The rest of what is torn first, and a sync that failed: readers look
	 * for a withdrawal within a round behind its record.
	 */
	taken = w->file.at < w->file.n || w->unsynced != NULL ? NULL : take(w);
	pthread_mutex_unlock(&w->lock);
	good = seal(w, taken, fault) && logfile_write(&w->file, fault);
	pthread_mutex_lock(&w->lock);
	settle_written(w);
	if (good)
		logfile_clear(&w->file);
	else
		settle_unwritten(w);
	w->stats.head = w->file.head;
	due = good && sync_is_due(w);
	pthread_mutex_unlock(&w->lock);
	return good && (!due || writer_sync(w, fault));
}

void
writer_round(struct writer *w)
{
	struct fault fault;
	bool good, idle;

	pthread_mutex_lock(&w->lock);
	idle = w->first == NULL && w->sealed == NULL && !w->file.unsynced;
	w->busy_ms = writer_ms();
	pthread_mutex_unlock(&w->lock);
	good = write_round(w, &fault);
	pthread_mutex_lock(&w->lock);
	w->busy_ms = 0;
	w->failing = !good;
	w->stats.errors += !good;
	if (!good) {
		refuse(w, w->first);
		refuse(w, w->sealed);
		refuse(w, w->unsynced);
	}
	pthread_cond_broadcast(&w->progress);
	pthread_mutex_unlock(&w->lock);
	if (!good && !w->reported)
		writer_tell(w, WRITER_FAILING, &fault);
	if (good && !idle && w->reported)
		writer_tell(w, WRITER_RECOVERED, NULL);
	w->reported = !good || (w->reported && idle);
}

static void
drop(struct entry *entry)
{
	if (entry->waited && !entry->abandoned) {
		entry->state = ENTRY_DROPPED;
		entry->refused = true;
	} else {
		free(entry);
	}
}

/* What is left when the file cannot be written to the end; lock held. */
static unsigned long
drop_all(struct writer *w)
{
	unsigned long lost = 0;
	struct entry *lists[] = { w->sealed, w->first, w->unsynced };

	for (size_t i = 0; i < 3; i++)
		while (lists[i] != NULL) {
			struct entry *entry = lists[i];

			lists[i] = entry->next;
			lost += i < 2;
			drop(entry);
		}
	w->first = w->sealed = w->unsynced = NULL;
	w->last = &w->first;
	return lost;
}

static void
end(struct writer *w)
{
	char words[64];
	unsigned long lost;

	pthread_mutex_lock(&w->lock);
	lost = drop_all(w);
	pthread_mutex_unlock(&w->lock);
	snprintf(words, sizeof words, "%lu records could not be written", lost);
	if (lost > 0)
		writer_tell_lost(w, words);
	pthread_mutex_lock(&w->lock);
	w->ended = true;
	pthread_cond_broadcast(&w->progress);
	pthread_mutex_unlock(&w->lock);
}

void *
writer_thread(void *arg)
{
	struct writer *w = arg;
	struct reopening *reopening;
	bool stopping, failing;
	int tries = 0;
	sigset_t all;

	/* Also keeps SIGXFSZ off: a file that is too large is an error here. */
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	w->file.keep = w->sync != AUDIT_SYNC_NONE;
	writer_round(w); /* the link */
	for (;;) {
		pthread_mutex_lock(&w->lock);
		if (w->failing)
			wait_for_retry(w);
		else {
			wait_for_work(w);
			gather(w);
		}
		reopening = w->reopening;
		w->reopening = NULL;
		stopping = w->stopping;
		pthread_mutex_unlock(&w->lock);
		if (reopening != NULL)
			writer_reopen_now(w, reopening);
		writer_round(w);
		pthread_mutex_lock(&w->lock);
		failing = w->failing;
		stopping = stopping && (failing ? ++tries > LAST_TRIES :
		    w->first == NULL && !w->file.unsynced);
		pthread_mutex_unlock(&w->lock);
		if (stopping)
			break;
		if (failing && tries > 0)
			nanosleep(&(struct timespec){ 0, RETRY_MS * 1000000 },
			    NULL);
	}
	end(w);
	return NULL;
}
