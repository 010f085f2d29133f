/* writer-entry.h - what the writer is handed; private to writer.h. */
#ifndef TLSPOLICY_MILTER_AUDITLOG_WRITER_ENTRY_H
#define TLSPOLICY_MILTER_AUDITLOG_WRITER_ENTRY_H

#include "milter/auditlog/writer-ticket.h"

enum entry_state {
	ENTRY_QUEUED,
	ENTRY_OUTSIDE, /* of a ticket; no room yet */
	ENTRY_SEALED, /* chained into logfile.buf, perhaps written */
	ENTRY_DONE,   /* written, synced with `each`; the waiter frees it */
	ENTRY_DROPPED /* never written, the writer ends; the waiter frees it */
};

/* State and flags are under the writer's lock, the rest is the owner's. */
struct entry {
	struct entry *next;
	enum entry_state state;
	bool waited;	/* a submitter waits for this entry */
	bool refused;	/* a write failed: the submitter stops waiting */
	/* Of a ticket, and one of its entries; else NULL. */
	struct writer_ticket *ticket;
	struct entry *beside;
	enum writer_patience patience;
	bool told;
	bool abandoned; /* the submitter has answered 451: withdraw it */
	size_t start, end;	  /* in the file's buffer */
	struct chain_head before; /* the chain's head in front of it */
	int64_t since_ms; /* when it was handed over */
	size_t n;
	char record[];
};

/* Owns copies: writer_reopen() may have given up waiting for it. */
struct reopening {
	struct writer_options options;
	char *path, *ratchet;
	char key[CHAIN_KEY_MAX];
	struct fault fault;
	bool done, good, left; /* left: nobody waits, the writer frees it */
};

struct reopening *writer_reopening_new(const struct writer_options *,
    struct fault *) MUST_CHECK NONNULL;
void writer_reopening_free(struct reopening *);

#endif
