/*
 * Tickets: submit() of writer.c, without its waiting.
 */
#include <stdlib.h>

#include "milter/auditlog/writer-queue.h"

/* There is no room: who would wait for it?  The lock is held. */
static bool
may_stay_outside(const struct writer *w, enum writer_patience patience)
{
	return w->full == AUDIT_FULL_BLOCK &&
	    !(patience == WRITER_REFUSAL && w->stats.scarce);
}

/* False: there is no room.  The lock is held. */
static bool
take(struct writer *w, struct entry *entry, enum writer_patience patience)
{
	if (writer_has_room(w, entry->n, patience)) {
		writer_enqueue(w, entry);
		return true;
	}
	if (!may_stay_outside(w, patience))
		return false;
	writer_stay_outside(w, entry);
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

static enum writer_handed
hand(struct writer *w, struct slice record, enum writer_patience patience,
    struct writer_ticket *ticket)
{
	struct entry *entry = writer_entry_new(record);
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
		writer_count(w, taken, patience);
	pthread_mutex_unlock(&w->lock);
	if (!taken)
		free(entry);
	return !taken ? WRITER_HANDED_REFUSED : waited ? WRITER_HANDED_OPEN :
	    WRITER_HANDED_TAKEN;
}

enum writer_handed
writer_hand(struct writer *w, struct slice record, struct writer_ticket *ticket)
{
	return hand(w, record, WRITER_PATIENT, ticket);
}

enum writer_handed
writer_hand_refusal(struct writer *w, struct slice record,
    struct writer_ticket *ticket)
{
	return hand(w, record, WRITER_REFUSAL, ticket);
}

/* Outside it keeps out what comes behind it, whatever it stands before. */
static bool
hand_ahead(struct writer *w, struct slice record, enum writer_patience patience)
{
	struct entry *entry = writer_entry_new(record);
	bool taken;

	if (entry == NULL)
		return false;
	pthread_mutex_lock(&w->lock);
	taken = take(w, entry, patience);
	entry->patience = WRITER_PATIENT;
	writer_count(w, taken, patience);
	pthread_mutex_unlock(&w->lock);
	if (!taken)
		free(entry);
	return taken;
}

bool
writer_hand_ahead(struct writer *w, struct slice record)
{
	return hand_ahead(w, record, WRITER_PATIENT);
}

bool
writer_hand_ahead_refusal(struct writer *w, struct slice record)
{
	return hand_ahead(w, record, WRITER_REFUSAL);
}

/* The lock is held. */
static void
collect_entry(struct writer *w, struct entry *entry, struct writer_outcome *o)
{
	bool recorded = entry->state == ENTRY_DONE;

	w->inside--;
	writer_count(w, recorded, entry->patience);
	o->recorded += recorded;
	o->unrecorded += !recorded;
	if (recorded) {
		free(entry);
		return;
	}
	o->refused |= entry->patience != WRITER_REFUSAL;
	entry->ticket = NULL;
	writer_take_back(w, entry);
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
