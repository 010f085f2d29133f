/*
 * The side of those who hand over records, and wait until they are written or
 * take a ticket (writer-ticket.h).  A record is one allocation; the lock is
 * held for the time of linking it in.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "milter/auditlog/writer-internal.h"

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
static bool
has_room(const struct writer *w, size_t n, enum writer_patience patience)
{
	return w->outside == NULL && fits(w, n, patience);
}

static struct entry *
entry_new(struct slice record)
{
	struct entry *entry = malloc(sizeof *entry + record.n);

	if (entry == NULL)
		return NULL;
	memset(entry, 0, sizeof *entry);
	entry->n = record.n;
	memcpy(entry->record, record.p, record.n);
	return entry;
}

static void
enqueue(struct writer *w, struct entry *entry)
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

static void
stay_outside(struct writer *w, struct entry *entry)
{
	struct entry **p = &w->outside;

	while (*p != NULL)
		p = &(*p)->next;
	entry->state = ENTRY_OUTSIDE;
	entry->next = NULL;
	*p = entry;
}

/*
 * Admits waiting entries in their order, as far as there is room.  A refusal
 * that finds none keeps nobody out, since nothing rests on it.
 */
void
writer_admit(struct writer *w)
{
	struct entry **p = &w->outside;

	while (*p != NULL) {
		struct entry *entry = *p;

		if (fits(w, entry->n, entry->patience)) {
			*p = entry->next;
			enqueue(w, entry);
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
static void
take_back(struct writer *w, struct entry *entry)
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

/*
 * Counts a refusal without a record: a line will tell of it when there is room.
 */
static void
count_unrecorded(struct writer *w)
{
	int64_t now = w->options.clock();

	if (w->unrecorded++ == 0)
		w->unrecorded_since = now;
	w->unrecorded_until = now;
}

static void
count(struct writer *w, bool taken, enum writer_patience patience)
{
	w->stats.taken += taken;
	w->stats.refused += !taken;
	if (!taken && patience == WRITER_REFUSAL)
		count_unrecorded(w);
}

void
writer_settle(struct entry *entry)
{
	struct writer_ticket *ticket = entry->ticket;

	if (entry->told)
		return;
	entry->told = true;
	if (--ticket->open == 0)
		ticket->settled(ticket);
}

/* May this submitter wait for room? */
static bool
may_wait(const struct writer *w, enum writer_patience patience)
{
	return w->full == AUDIT_FULL_BLOCK &&
	    !(patience == WRITER_REFUSAL && w->stats.scarce);
}

/* The lock is held. */
static bool
wait_for_room(struct writer *w, size_t n, enum writer_patience patience,
    const struct timespec *deadline)
{
	while (!has_room(w, n, patience)) {
		if (patience == WRITER_IMPATIENT || !may_wait(w, patience))
			return false;
		if (pthread_cond_timedwait(&w->progress, &w->lock, deadline) ==
		    ETIMEDOUT)
			return has_room(w, n, patience);
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
	take_back(w, entry);
	return false;
}

bool
writer_submit(struct writer *w, struct slice record,
    enum writer_patience patience)
{
	struct entry *entry = entry_new(record);
	struct timespec deadline = clock_at_ms(clock_ms() + w->wait_ms);
	bool taken = false;

	pthread_mutex_lock(&w->lock);
	w->inside++;
	if (entry != NULL && wait_for_room(w, record.n, patience,
	    &deadline)) {
		entry->waited = patience != WRITER_REFUSAL ||
		    w->sync == AUDIT_SYNC_EACH;
		enqueue(w, entry);
		taken = !entry->waited || wait_for_record(w, entry, &deadline);
		entry = NULL;
	}
	count(w, taken, patience);
	if (--w->inside == 0 && w->ended)
		pthread_cond_broadcast(&w->progress);
	pthread_mutex_unlock(&w->lock);
	free(entry);
	return taken;
}

void
writer_lose_refusal(struct writer *w)
{
	pthread_mutex_lock(&w->lock);
	count(w, false, WRITER_REFUSAL);
	pthread_mutex_unlock(&w->lock);
}

/* False: there is no room.  The lock is held. */
static bool
take(struct writer *w, struct entry *entry, enum writer_patience patience)
{
	if (has_room(w, entry->n, patience)) {
		enqueue(w, entry);
		return true;
	}
	if (!may_wait(w, patience))
		return false;
	stay_outside(w, entry);
	return true;
}

/* The lock is held. */
static void
open_entry(struct writer *w, struct writer_ticket *ticket, struct entry *entry)
{
	if (ticket->entries == NULL)
		ticket->until_ms = clock_ms() + w->wait_ms;
	entry->ticket = ticket;
	entry->beside = ticket->entries;
	ticket->entries = entry;
	ticket->open++;
	w->inside++;
}

enum writer_handed
writer_hand(struct writer *w, struct slice record,
    enum writer_patience patience, struct writer_ticket *ticket)
{
	struct entry *entry = entry_new(record);
	bool taken = false, waited = false;

	pthread_mutex_lock(&w->lock);
	if (entry != NULL) {
		waited = patience != WRITER_REFUSAL ||
		    w->sync == AUDIT_SYNC_EACH;
		entry->patience = patience;
		entry->waited = waited;
		taken = take(w, entry, patience);
	}
	if (taken && waited)
		open_entry(w, ticket, entry);
	else
		count(w, taken, patience);
	pthread_mutex_unlock(&w->lock);
	if (!taken)
		free(entry);
	return !taken ? WRITER_HANDED_REFUSED : waited ? WRITER_HANDED_OPEN :
	    WRITER_HANDED_TAKEN;
}

/* Outside it keeps out what comes behind it, whatever it stands before. */
bool
writer_hand_ahead(struct writer *w, struct slice record,
    enum writer_patience patience)
{
	struct entry *entry = entry_new(record);
	bool taken;

	if (entry == NULL)
		return false;
	pthread_mutex_lock(&w->lock);
	taken = take(w, entry, patience);
	entry->patience = WRITER_PATIENT;
	count(w, taken, patience);
	pthread_mutex_unlock(&w->lock);
	if (!taken)
		free(entry);
	return taken;
}

/* The lock is held. */
static void
collect_entry(struct writer *w, struct entry *entry, struct writer_outcome *o)
{
	bool recorded = entry->state == ENTRY_DONE;

	w->inside--;
	count(w, recorded, entry->patience);
	o->recorded += recorded;
	o->unrecorded += !recorded;
	if (recorded) {
		free(entry);
		return;
	}
	o->refused |= entry->patience != WRITER_REFUSAL;
	entry->ticket = NULL;
	take_back(w, entry);
}

/*
 * One record may be settled before the next is handed over with the same ticket:
 * then the thread was woken too early.
 */
bool
writer_collect(struct writer *w, struct writer_ticket *ticket,
    struct writer_outcome *o)
{
	*o = (struct writer_outcome){ 0 };
	pthread_mutex_lock(&w->lock);
	if (ticket->open > 0 && clock_ms() < ticket->until_ms) {
		pthread_mutex_unlock(&w->lock);
		return false;
	}
	while (ticket->entries != NULL) {
		struct entry *entry = ticket->entries;

		ticket->entries = entry->beside;
		collect_entry(w, entry, o);
	}
	ticket->open = 0;
	if (w->inside == 0 && w->ended)
		pthread_cond_broadcast(&w->progress);
	pthread_mutex_unlock(&w->lock);
	return true;
}
