/*
 * logfile.h - the audit file as its one writer sees it.
 *
 * Only ever appended to: nothing that stands in the file is touched, so that
 * it may be append-only (chattr +a), and a disk that fills up in the middle of
 * a line gets the rest of that very line when there is room.  What the chain
 * says about torn lines and rotated files is done here (policy/audit/chain.h).
 *
 * Threads: one at a time.
 */
#ifndef TLSPOLICY_MILTER_AUDITLOG_LOGFILE_H
#define TLSPOLICY_MILTER_AUDITLOG_LOGFILE_H

#include <sys/types.h>

#include "milter/auditlog/ratchet.h"
#include "milter/auditlog/signing.h"
#include "policy/policy.h"

/* Known lines are missing at the end, or all of them; or others are there. */
enum logfile_loss { LOGFILE_NOTHING, LOGFILE_CUT, LOGFILE_LOST,
	LOGFILE_CHANGED };

struct logfile {
	int fd;
	dev_t dev;
	ino_t ino;
	uint64_t size;		/* of the file, by what was read and written */
	struct chain *chain;
	struct ratchet *ratchet; /* has the chain's key; NULL: it stays */
	bool ended, behind;	/* logfile-epoch.h */
	struct chain_head head;	/* after the last line of `buf` */
	struct chain_head written; /* the last whole line in the file */
	char *buf;		/* sealed, not written yet: buf[at..n) */
	size_t at, n, room;
	bool keep;		/* buf[0..at) until it is synced, see below */
	bool stream;		/* see logfile_open() */
	bool renamed;		/* the file before, for its key */
	bool unsynced;		/* lines written since the last fdatasync */
	bool forgotten;		/* the last fdatasync failed */
	const char *why;	/* the next link or mark gives this reason */
	size_t told;		/* bytes of `buf` whose lines were handed to: */
	struct signing *signing; /* NULL: nobody */
	const struct chain_head *known; /* see logfile_open(); NULL: nothing */
	enum logfile_loss loss;
	uint64_t ends;		/* with a loss, the number it ended with */
};

/*
 * Opens (0640 when made) and locks `path`, brings its name to the disk, and goes
 * on where it ends.  One that was sealed with another key is renamed, to begin a
 * new one.  For a new file `before` is the head that it links to; NULL: that of the rotated
 * file beside it, if there is one, else the beginning of all.  `now_us` is the
 * time of the link.  False with a fault; `f` is then unchanged.
 *
 * `f->known` is a line that the log is known to have had.  If it has not, the
 * chain goes on behind that line, with a link that says why: who verifies it
 * sees what is missing, and `loss` tells of it.  With `f->ratchet` that has the
 * key: logfile-epoch.h.
 *
 * "/dev/stdout" is what the process was given as standard output, and a FIFO is
 * opened when somebody reads it.  Both are streams: nothing of them can be read
 * back, so without `before` the chain begins anew, which its link says; nothing
 * is cut off, synced or looked for by its name.
 */
bool logfile_open(struct logfile *f, const char *path, struct slice key,
    const struct chain_head *before, int64_t now_us, struct fault *) MUST_CHECK;
void logfile_close(struct logfile *);

/* Does `path` name the file that is open?  Unseen: it cannot be looked at. */
enum logfile_place { LOGFILE_THERE, LOGFILE_AWAY, LOGFILE_UNSEEN };
enum logfile_place logfile_place(const struct logfile *, const char *path)
    NONNULL;

/* The file has no name (st_nlink is 0): it was removed. */
bool logfile_is_nameless(const struct logfile *) NONNULL;

/* Adds a record to the buffer.  False: no memory, or OpenSSL failed. */
bool logfile_seal(struct logfile *, struct slice record) MUST_CHECK NONNULL;

/*
 * Unseals the records behind the first `n` bytes of the buffer, where the head
 * was `head`; those bytes must not be written yet.
 */
void logfile_unseal(struct logfile *, size_t n, const struct chain_head *head)
    NONNULL;

/*
 * To be called before sealing: when the buffer is empty and the file has been
 * truncated (logrotate's copytruncate) it begins with a link again.  True: a
 * part of it was cut off and a part is left, which nobody does by rotating.
 */
bool logfile_begin(struct logfile *, int64_t now_us) NONNULL;

/*
 * Writes the buffer.  False with a fault when not all of it could be: `at`
 * tells how far it came, and the next call goes on there.
 */
bool logfile_write(struct logfile *, struct fault *) MUST_CHECK NONNULL;
/* The buffer was written; forget it, unless it is kept for a sync. */
void logfile_clear(struct logfile *) NONNULL;
/*
 * After a sync that failed the system may take what was written for clean and
 * drop it: the next sync would succeed and mean nothing.  So the bytes that
 * are `kept` are written once more, in their place, before it.
 */
bool logfile_sync(struct logfile *, struct fault *) MUST_CHECK NONNULL;

/* Another thread has synced the first `n` bytes of those kept. */
void logfile_synced(struct logfile *, size_t n) NONNULL;

/*
 * The line that begins at `start` of the buffer, where the head was `before`,
 * was written in part and the rest will not be: moves the head over its bytes,
 * for a link to tell of them.
 */
bool logfile_tear(struct logfile *, size_t start,
    const struct chain_head *before) NONNULL;

#endif
