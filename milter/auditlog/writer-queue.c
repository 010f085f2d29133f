/*
 * The queue between those who hand over records and the writer.  All of it is
 * under the writer's lock.
 */
#include <stdlib.h>
#include <string.h>

#include "milter/auditlog/writer-queue.h"

/* A quarter of the queue is taken: not a time to wait for more. */
bool
writer_is_crowded(const struct writer *w)
{
	return w->queued > w->room / 4;
}

/*
 * The disk has not answered for the bounded time, or nearly: when the first who
 * wait give up the next need not begin to.
 */
bool
writer_is_stalled(const struct writer *w)
{
	int64_t limit = clock_ms() - (w->wait_ms - w->wait_ms / 10);

	return (w->busy_ms != 0 && w->busy_ms <= limit) ||
	    (w->sync_busy_ms != 0 && w->sync_busy_ms <= limit);
}

static bool
fits(const struct writer *w, size_t n, enum writer_patience patience)
{
	size_t room = patience == WRITER_REFUSAL ? w->room / 4 * 3 : w->room;

	if (patience == WRITER_REFUSAL && w->stats.scarce)
		return false;
	return !w->failing && !writer_is_stalled(w) &&
	    (w->queued == 0 || w->queued + n <= room);
}

/* Who waits outside goes first: what is announced stands before its records. */
bool
writer_has_room(const struct writer *w, size_t n, enum writer_patience patience)
{
	return w->outside == NULL && fits(w, n, patience);
}

struct entry *
writer_entry_new(struct slice record)
{
	struct entry *entry = malloc(sizeof *entry + record.n);

	if (entry == NULL)
		return NULL;
	memset(entry, 0, sizeof *entry);
	entry->n = record.n;
	memcpy(entry->record, record.p, record.n);
	return entry;
}

void
writer_enqueue(struct writer *w, struct entry *entry)
{
	entry->state = ENTRY_QUEUED;
	entry->next = NULL;
	*w->last = entry;
	w->last = &entry->next;
	w->queued += entry->n;
	entry->since_ms = clock_ms();
	if (w->waiting_ms == 0)
		w->waiting_ms = entry->since_ms;
	if (entry->waited || w->queued == entry->n || writer_is_crowded(w))
		pthread_cond_signal(&w->work);
}

void
writer_stay_outside(struct writer *w, struct entry *entry)
{
	struct entry **p = &w->outside;

	while (*p != NULL)
		p = &(*p)->next;
	entry->state = ENTRY_OUTSIDE;
	entry->next = NULL;
	*p = entry;
}

/*
 * In their order, as far as there is room; a refusal that finds none keeps
 * nobody out, since nothing rests on it.
 */
void
writer_admit(struct writer *w)
{
	struct entry **p = &w->outside;

	while (*p != NULL) {
		struct entry *entry = *p;

		if (fits(w, entry->n, entry->patience)) {
			*p = entry->next;
			writer_enqueue(w, entry);
		} else if (entry->patience == WRITER_REFUSAL) {
			p = &entry->next;
		} else {
			return;
		}
	}
}

/* A record that the writer has not sealed yet leaves the queue. */
static void
unlink_entry(struct writer *w, struct entry *entry)
{
	struct entry **p = &w->first;

	while (*p != entry)
		p = &(*p)->next;
	*p = entry->next;
	if (entry->next == NULL)
		w->last = p;
	w->queued -= entry->n;
}

static void
unlink_outside(struct writer *w, struct entry *entry)
{
	struct entry **p = &w->outside;

	while (*p != entry)
		p = &(*p)->next;
	*p = entry->next;
}

/*
 * Out of the queue with a record whose submitter was refused.  The last one
 * stays while writing fails: trying it again shows when the disk is well, and
 * a line will say that the record does not count.
 */
void
writer_take_back(struct writer *w, struct entry *entry)
{
	entry->abandoned = true;
	if (entry->state == ENTRY_SEALED || (entry->state == ENTRY_QUEUED &&
	    w->failing && w->first == entry && entry->next == NULL))
		return;
	if (entry->state == ENTRY_QUEUED)
		unlink_entry(w, entry);
	else if (entry->state == ENTRY_OUTSIDE)
		unlink_outside(w, entry);
	free(entry);
}

/* To be told by a line when there is room. */
static void
count_unrecorded(struct writer *w)
{
	int64_t now = w->options.clock();

	if (w->unrecorded++ == 0)
		w->unrecorded_since = now;
	w->unrecorded_until = now;
}

void
writer_count(struct writer *w, bool taken, enum writer_patience patience)
{
	w->stats.taken += taken;
	w->stats.refused += !taken;
	if (!taken && patience == WRITER_REFUSAL)
		count_unrecorded(w);
}

void
writer_tell(struct entry *entry)
{
	struct writer_ticket *ticket = entry->ticket;

	if (ticket == NULL || entry->told)
		return;
	entry->told = true;
	if (--ticket->open == 0)
		ticket->settled(ticket);
}
