/*
 * One round: take what is queued, seal it into the file's buffer, write it at
 * once, sync when somebody waits for it, and settle with those who wait.
 * Nothing but taking and settling needs the lock.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "milter/auditlog/writer-internal.h"

void
writer_report(struct writer *w, enum writer_event event,
    const struct fault *fault)
{
	if (w->options.report != NULL)
		w->options.report(w->options.arg, event, fault);
}

void
writer_log_opened(const struct writer *w, const char *path,
    struct fault *opened)
{
	fault_set(opened, FAULT_NONE, "%s: line %llu, head %s%s%s", path,
	    (unsigned long long)w->file.head.seq, w->file.head.hex,
	    !w->file.renamed ? "" : "; the file that was there is renamed, as "
	    "another key has sealed it",
	    !w->file.stream ? "" : "; a stream: nothing is rotated or brought "
	    "to a disk, and a restart begins a new chain");
}

void
writer_report_lost(struct writer *w, const char *what)
{
	struct fault fault;

	fault_set(&fault, FAULT_IO, "%s", what);
	writer_report(w, WRITER_LOST, &fault);
}

static void
append(struct entry ***last, struct entry *entry)
{
	entry->next = NULL;
	**last = entry;
	*last = &entry->next;
}

/* Moves records from the queue to the list of sealed ones; lock held. */
static struct entry *
take(struct writer *w)
{
	struct entry *taken = w->first, **end = &taken;
	size_t n = 0;

	while (*end != NULL && n < CHAIN_ROUND_BYTES) {
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

/* Seals the records; false: those that could not be are back in the queue. */
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

/* A line of the writer's own; NULL: no memory. */
static struct entry *
note_new(const struct text *line)
{
	struct entry *note = calloc(1, sizeof *note + line->n);

	if (note == NULL)
		return NULL;
	note->since_ms = clock_ms();
	note->n = line->n;
	memcpy(note->record, line->buf, line->n);
	return note;
}

/* A line that says that a record's submitter was told 451.  Lock held. */
static void
withdraw(struct writer *w, const struct entry *entry)
{
	char line[CHAIN_LINE_MAX];
	struct text out;
	struct entry *note;

	text_init(&out, line, sizeof line);
	chain_format_withdrawal(entry->before.seq + 1, w->options.clock(),
	    &out);
	w->stats.withdrawn++;
	if ((note = note_new(&out)) != NULL)
		writer_give_back(w, note);
}

/*
 * A line that says which refusals the log lacks.  It goes to the end of the
 * queue: a withdrawal has to stay near its record.  Lock held.
 */
static void
queue_gap(struct writer *w)
{
	char line[CHAIN_LINE_MAX];
	struct text out;
	struct entry *note;

	if (w->unrecorded == 0 || w->stats.scarce)
		return;
	text_init(&out, line, sizeof line);
	chain_format_gap(w->unrecorded, w->unrecorded_since,
	    w->unrecorded_until, w->options.clock(), &out);
	if ((note = note_new(&out)) == NULL)
		return;
	append(&w->last, note);
	w->queued += note->n;
	w->unrecorded = 0;
}

/* A record is as safe as was promised; lock held. */
static void
done(struct writer *w, struct entry *entry)
{
	if (entry->abandoned)
		withdraw(w, entry);
	if (entry->waited && !entry->abandoned) {
		entry->state = ENTRY_DONE;
		if (entry->ticket != NULL)
			writer_settle(entry);
	} else {
		free(entry);
	}
}

/* Tells the waiting submitters at once that writing failed; lock held. */
static void
refuse(struct writer *w, struct entry *list)
{
	for (; list != NULL && w->full != AUDIT_FULL_BLOCK; list = list->next) {
		list->refused = list->waited;
		if (list->refused)
			if (list->ticket != NULL)
				writer_settle(list);
	}
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
		if (entry->waited && w->sync == AUDIT_SYNC_EACH)
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
take_back_unwritten(struct writer *w)
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
	if (w->unsynced != NULL || w->stopping || w->file.forgotten)
		return true;
	if (w->file.ended)
		return true;
	/* Lines that no submitter waits for: a withdrawal, a link. */
	if (w->sync == AUDIT_SYNC_EACH)
		return w->file.unsynced;
	/*
	 * Lines are kept until they are synced: when too many are, sync here.
	 */
	return w->sync == AUDIT_SYNC_BATCH && w->file.at > w->room;
}

/* The syncing thread keeps away from now on; the lock is held. */
static void
begin_own_sync(struct writer *w)
{
	w->own_sync = true;
	while (w->syncing)
		pthread_cond_wait(&w->progress, &w->lock);
	if (w->forgot)
		w->file.forgotten = w->file.unsynced;
	w->forgot = false;
}

bool
writer_sync_salts(struct writer *w)
{
	struct salting *salting = w->options.salting;

	return salting == NULL || !salting_is_on(salting) ||
	    salting_sync(salting);
}

bool
writer_sync(struct writer *w, struct fault *fault)
{
	struct chain_head written = w->file.written;
	struct entry *list;
	bool good;

	if (!writer_sync_salts(w))
		return fault_set(fault, FAULT_IO, "salts cannot be brought to "
		    "the disk");
	pthread_mutex_lock(&w->lock);
	begin_own_sync(w);
	pthread_mutex_unlock(&w->lock);
	good = logfile_sync(&w->file, fault);
	pthread_mutex_lock(&w->lock);
	w->own_sync = false;
	w->forgot = !good;
	if (!good) {
		pthread_mutex_unlock(&w->lock);
		return false;
	}
	w->last_sync_ms = clock_ms();
	w->safe = w->put;
	w->synced = written;
	w->unsynced_ms = 0;
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

/* Takes over what the syncing thread has synced; the lock is held. */
static void
note_syncs(struct writer *w)
{
	/* where the kept bytes begin, counted as `put` */
	uint64_t start = w->put - w->file.at;

	if (w->forgot)
		w->file.forgotten = w->file.unsynced;
	else if (w->safe > start && w->file.at == w->file.n)
		logfile_synced(&w->file, (size_t)(w->safe - start));
}

/* Lock held. */
static void
note_writes(struct writer *w, uint64_t size)
{
	w->put += w->file.size - size;
	w->written = w->file.written;
	if (w->put > w->safe && w->unsynced_ms == 0)
		w->unsynced_ms = clock_ms();
	w->fd = w->file.fd;
	if (w->sync == AUDIT_SYNC_BATCH && w->put > w->safe)
		pthread_cond_signal(&w->sync_work);
}

/* Nobody who rotates cuts off a part: it is reported as astray. */
static void
report_cut(struct writer *w)
{
	struct fault fault;

	fault_set(&fault, FAULT_IO, "%s: a part of the file was cut off",
	    w->now->path);
	writer_report(w, WRITER_ASTRAY, &fault);
	pthread_mutex_lock(&w->lock);
	w->stats.astray = true;
	pthread_mutex_unlock(&w->lock);
}

/* A last line of which not a byte could be written is not the last one. */
static bool
write_end(struct writer *w, struct fault *fault)
{
	struct chain_head head = w->file.head;
	size_t start = w->file.n;
	bool due;

	pthread_mutex_lock(&w->lock);
	due = writer_epoch_is_due(w);
	pthread_mutex_unlock(&w->lock);
	if (!due || !writer_epoch_end(w) || logfile_write(&w->file, fault))
		return true;
	if (w->file.at <= start) {
		logfile_unseal(&w->file, start, &head);
		w->file.ended = false;
	}
	return false;
}

static bool
write_round(struct writer *w, struct fault *fault)
{
	struct entry *taken;
	uint64_t size;
	bool due, good;

	if (w->homeless)
		return fault_set(fault, FAULT_IO, "the file was removed");
	pthread_mutex_lock(&w->lock);
	note_syncs(w);
	pthread_mutex_unlock(&w->lock);
	if (logfile_begin(&w->file, w->options.clock()))
		report_cut(w);
	size = w->file.size;
	good = w->file.ratchet == NULL || write_end(w, fault);
	pthread_mutex_lock(&w->lock);
	/*
	 * The rest of what is torn first, and a sync that failed: readers look
	 * for a withdrawal within a round behind its record.
	 */
	taken = !good || w->file.ended || w->file.at < w->file.n ||
	    w->unsynced != NULL || w->file.forgotten ? NULL : take(w);
	pthread_mutex_unlock(&w->lock);
	good = good && seal(w, taken, fault) &&
	    logfile_write(&w->file, fault);
	pthread_mutex_lock(&w->lock);
	note_writes(w, size);
	settle_written(w);
	if (good)
		logfile_clear(&w->file);
	else
		take_back_unwritten(w);
	w->stats.head = w->file.head;
	/*
	 * Whole records are not refused for one that found no room behind them.
	 */
	due = sync_is_due(w);
	pthread_mutex_unlock(&w->lock);
	return (!due || writer_sync(w, fault)) && good &&
	    (!w->file.ended || writer_epoch_begin(w, fault));
}

/* The lock is held, and the thread is the writer's. */
static int64_t
oldest(const struct writer *w)
{
	const struct entry *first = w->sealed != NULL ? w->sealed : w->first;

	return first != NULL ? first->since_ms : 0;
}

void
writer_round(struct writer *w)
{
	struct fault fault;
	bool good, idle;

	pthread_mutex_lock(&w->lock);
	if (!w->failing && w->sealed == NULL && !w->homeless)
		queue_gap(w);
	idle = w->first == NULL && w->sealed == NULL && !w->file.forgotten &&
	    !w->forgot && !w->file.ended;
	w->busy_ms = clock_ms();
	pthread_mutex_unlock(&w->lock);
	good = write_round(w, &fault);
	pthread_mutex_lock(&w->lock);
	w->busy_ms = 0;
	w->waiting_ms = oldest(w);
	w->failing = !good;
	w->stats.errors += !good;
	if (!good) {
		refuse(w, w->first);
		refuse(w, w->sealed);
		refuse(w, w->unsynced);
		refuse(w, w->outside);
	}
	writer_admit(w);
	pthread_cond_broadcast(&w->progress);
	pthread_mutex_unlock(&w->lock);
	if (!good && !w->reported)
		writer_report(w, WRITER_FAILING, &fault);
	if (good && !idle && w->reported)
		writer_report(w, WRITER_RECOVERED, NULL);
	w->reported = !good || (w->reported && idle);
}

