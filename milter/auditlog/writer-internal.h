/*
 * writer-internal.h - what the two sides of the queue share; private to writer.h.
 *
 * writer.c is the callbacks' side, writer-thread.c the writer's, and
 * writer-reopen.c both sides of a change of files.
 */
#ifndef TLSPOLICY_MILTER_AUDITLOG_WRITER_INTERNAL_H
#define TLSPOLICY_MILTER_AUDITLOG_WRITER_INTERNAL_H

#include <pthread.h>

#include "milter/auditlog/logfile.h"
#include "milter/auditlog/writer.h"

enum entry_state {
	ENTRY_QUEUED,
	ENTRY_SEALED, /* in the buffer of the file, or written */
	ENTRY_DONE,   /* as safe as promised; the waiter frees it */
	ENTRY_DROPPED /* never written, the writer ends; the waiter frees it */
};

/* State and flags are under the writer's lock, the rest is the owner's. */
struct entry {
	struct entry *next;
	enum entry_state state;
	bool waited;	/* somebody waits until it is on the disk */
	bool refused;	/* he need not wait any longer: it did not work */
	bool abandoned; /* he was told that it is not */
	size_t start, end;	  /* in the file's buffer */
	struct chain_head before; /* the head without it */
	size_t n;
	char record[];
};

/* Its own copies: whoever asked may be tired of waiting. */
struct reopening {
	struct writer_options options;
	char *path;
	char key[CHAIN_KEY_MAX];
	struct fault fault;
	bool done, good;
	bool left; /* nobody waits: the writer frees it */
};

struct writer {
	pthread_mutex_t lock;
	pthread_cond_t work;	 /* for the writer */
	pthread_cond_t progress; /* for those who wait */
	pthread_t thread;

	/* Under the lock. */
	struct entry *first, **last;
	size_t queued, room;
	unsigned wait_ms;
	enum audit_sync sync;
	enum audit_full full;
	bool failing, stopping, ended;
	int64_t busy_ms; /* since when a round has been under way; 0: none is */
	unsigned inside; /* submitters that wait */
	struct reopening *reopening;
	struct writer_stats stats;

	/* The writer's own. */
	struct writer_options options; /* without path and key */
	struct logfile file;
	struct entry *sealed, **sealed_last; /* in the file's buffer */
	struct entry *unsynced, **unsynced_last; /* written, waited for */
	int64_t last_sync_ms;
	bool reported; /* that it is failing */
};

/* A quarter of the queue is taken: not a time to wait for more. */
static inline bool
writer_is_crowded(const struct writer *w)
{
	return w->queued > w->room / 4;
}

int64_t writer_ms(void); /* of the monotonic clock */
void writer_deadline(struct timespec *, unsigned ms); /* from now on */
void *writer_thread(void *writer);

/* Of the writer's thread. */
void writer_tell(struct writer *, enum writer_event, const struct fault *);
void writer_tell_opened(struct writer *, const char *path);
void writer_tell_lost(struct writer *, const char *what);
void writer_round(struct writer *);
bool writer_sync(struct writer *, struct fault *);
void writer_reopen_now(struct writer *, struct reopening *);
/* Back to the front of the queue, in order; the lock is held. */
void writer_give_back(struct writer *, struct entry *list);

void writer_reopening_free(struct reopening *);

#endif
