/*
 * writer-ticket.h - records handed over by a thread that must not wait.
 *
 * It makes the same promise as writer.h, in two parts: writer_hand() takes a
 * record, and writer_collect() says what became of all that was handed over
 * with the same ticket, when settled() was called or time is up.  Until then
 * nothing may be answered that rests on them.
 *
 * While there is no room and `full` says block, such records wait outside the
 * queue, in their order, until there is room or time is up.
 *
 * Threads: any may hand over; one at a time uses a ticket, which stays where it
 * is in memory until it is collected.
 */
#ifndef TLSPOLICY_MILTER_AUDITLOG_WRITER_TICKET_H
#define TLSPOLICY_MILTER_AUDITLOG_WRITER_TICKET_H

#include "milter/auditlog/writer.h"

struct entry;

struct writer_ticket {
	/*
	 * All is settled.  Called by the writer's thread under its lock, for no
	 * more than waking another thread.  NULL: the ticket is of no use.
	 */
	void (*settled)(struct writer_ticket *);
	struct entry *entries; /* NULL: nothing is open */
	unsigned open;	       /* of them not settled; under the lock */
	int64_t until_ms;      /* then it is to be collected all the same */
};

enum writer_handed {
	WRITER_HANDED_REFUSED, /* it is not recorded */
	WRITER_HANDED_TAKEN,   /* as promised, and not part of the ticket */
	WRITER_HANDED_OPEN     /* the ticket will tell */
};

/* What became of the ticket's records. */
struct writer_outcome {
	unsigned recorded, unrecorded;
	bool refused; /* one that mail was to be accepted on is not recorded */
};

enum writer_handed writer_hand(struct writer *, struct slice record,
    enum writer_patience, struct writer_ticket *) MUST_CHECK NONNULL;
/*
 * For a line that stands before records to come: what is handed over later by
 * anybody comes behind it in the file, and it is never taken back.  False:
 * there is no room, and nothing was taken.  With the patience of those records:
 * before one that no mail is accepted on it is counted as such.
 */
bool writer_hand_ahead(struct writer *, struct slice record,
    enum writer_patience) MUST_CHECK NONNULL;

/*
 * False: some are not settled, and it is not time; settled() will be called.
 * What is not settled by until_ms is taken back.  The ticket can be used again.
 */
bool writer_collect(struct writer *, struct writer_ticket *,
    struct writer_outcome *) MUST_CHECK NONNULL;

#endif
