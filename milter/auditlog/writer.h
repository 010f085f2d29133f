/*
 * writer.h - one thread that chains records and writes them to the file.
 *
 * Callbacks hand a record over and wait until it is in the file (sync none,
 * batch) or on the disk (each); what several hand over meanwhile goes into one
 * write(2).  The queue is bounded.  While the file cannot be written records
 * are refused at once, or when the bounded time is up, as `full` says; it is
 * tried ten times a second.  A record whose submitter was refused is taken back; when a part of
 * it is in the file already, a later line with event "withdrawn" says so.
 * A disk that does not answer for the bounded time counts as one that fails.
 *
 * What is promised: a record that was taken is in the file, whatever happens
 * to the process.  With `each` it is on the disk, with `batch` a tenth of a
 * second later (another thread syncs), with `none` when the system likes; until
 * then it is lost with the machine.
 *
 * Once a second a thread notes in another folder where the log ends (logstate.h)
 * and signs checkpoints.  A writer that starts and does not find the line noted
 * last says so, in the log, too.
 *
 * Once a second the file's name is looked at.  When it leads to another file or
 * to none a new file is begun, with a link that says why.  A file that still has
 * a name is given two seconds first: who rotates renames, and then asks to
 * reopen.  While there can be no new file the old one is used, unless it has no
 * name left: then it cannot be written.
 *
 * Threads: any number may submit; one at a time may reopen or close, and
 * nobody may submit after that.
 */
#ifndef TLSPOLICY_MILTER_AUDITLOG_WRITER_H
#define TLSPOLICY_MILTER_AUDITLOG_WRITER_H

#include "milter/auditlog/salting.h"
#include "milter/auditlog/writer-stats.h"

struct writer;

enum writer_event {
	WRITER_FAILING,   /* cannot write or sync; the fault says why */
	WRITER_RECOVERED,
	WRITER_OPENED,    /* a file: the fault's text tells its head */
	WRITER_NOT_OPENED, /* after writer_reopen() gave up: the old one is used */
	WRITER_ASTRAY,    /* the file was removed or renamed, see above */
	WRITER_SCARCE,    /* refusals are not recorded, to keep room */
	WRITER_ROOMY,     /* refusals are recorded again */
	WRITER_MISSES,    /* lines that were there: cut off, gone, changed */
	WRITER_UNKNOWN,   /* where the log ended before, and why not known */
	WRITER_UNKEPT,    /* where it ends cannot be noted */
	WRITER_KEPT,
	WRITER_CHECKPOINT, /* the fault's text is one */
	WRITER_NOT_SIGNED, /* one cannot be made or handed on; it waits */
	WRITER_STUCK,     /* the ratchet: this epoch goes on; why */
	WRITER_TURNS,     /* the ratchet's epochs end again */
	WRITER_LOST       /* closed with something that could not be written */
};

struct writer_options {
	const char *path;
	enum audit_sync sync;
	enum audit_full full;
	struct slice key;
	const char *ratchet; /* a key file, whose key goes; NULL: `key` stays */
	const char *state_folder; /* where the log's end is noted; NULL */
	const char *checkpoint_key, *checkpoint_file; /* NULL: none are made */
	unsigned checkpoint_s;
	size_t queue_bytes;	/* 0: 16 MB */
	unsigned wait_ms;	/* the bounded time; 0: 5000 */
	unsigned epoch_ms;	/* of a ratchet; 0: a minute */
	uint64_t reserve;	/* bytes on the disk; 0: 64 MB or an eighth */
	int64_t (*clock)(void); /* microseconds since 1970, UTC */
	/* Called by the writer's threads and by open and reopen. */
	void (*report)(void *arg, enum writer_event, const struct fault *);
	void *arg;
	struct salting *salting; /* synced before records; NULL */
};

/* Copies what it needs.  NULL with a fault. */
struct writer *writer_open(const struct writer_options *, struct fault *)
    MUST_CHECK;

enum writer_patience {
	WRITER_PATIENT,
	/*
	 * For a record that no mail is accepted on.  It is waited for with
	 * `each` only; else it is lost when the process ends within some
	 * milliseconds.  A quarter of the queue and the last room on the disk
	 * are kept from it, for those that mail waits for.
	 */
	WRITER_REFUSAL,
	WRITER_IMPATIENT /* for a thread that many wait for: not for room */
};

/* True: taken, as promised above. */
bool writer_submit(struct writer *, struct slice record, enum writer_patience)
    MUST_CHECK NONNULL;

void writer_lose_refusal(struct writer *) NONNULL; /* it counts as refused */
/*
 * For SIGHUP: when `path` names another file now, that becomes the log and is
 * linked to the old one.  sync, full and key as in `options` from then on (the
 * key with the next file).  False with a fault: all stays as it was; or the
 * disk did not answer within the bounded time, then it is done when it does.
 */
bool writer_reopen(struct writer *, const struct writer_options *,
    struct fault *) MUST_CHECK NONNULL;

void writer_stats(struct writer *, struct writer_stats *) NONNULL;
/* Everything taken is written and synced, as far as twice that time allows. */
void writer_close(struct writer *);

#endif
