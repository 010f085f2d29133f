/*
 * salting.h - people are hidden in records: the daemon's side of salts.h.
 *
 * A value that is met for the first time of a day gets a salt, which is in the
 * day's file before the record is handed to the log: a record that is there
 * can be told, whatever ends the process.  The same value has the same
 * commitment all day, over restarts, for the first SALTING_MAX of them; what
 * comes behind stands in the file once more, with the same commitment, and
 * with another one behind a restart.
 *
 * While salts cannot be written, records that would need them are not written
 * either, and no mail is accepted on them: people are never in the log as they
 * are because something failed.
 *
 * Once a second salting_watch() erases days that are old enough, and tries
 * again what failed; and it begins another file when the day's is not where
 * readers look for it.
 *
 * Threads: any, but salting_follow() and salting_watch(): one at a time.
 */
#ifndef TLSPOLICY_MILTER_AUDITLOG_SALTING_H
#define TLSPOLICY_MILTER_AUDITLOG_SALTING_H

#include <pthread.h>
#include <stdatomic.h>

#include "policy/policy.h"

enum { SALTING_MAX = 1024 * 1024 };

struct salting_slot;

struct salting {
	pthread_mutex_t lock;
	atomic_int days; /* of the setting; 0: nobody is hidden */
	atomic_bool failing, overdue; /* no salts; old ones cannot be erased */
	atomic_bool scarce; /* what is left on the disk is for accepted mail */

	/* Under the lock: */
	char folder[SETTINGS_STRING_MAX]; /* the state folder */
	int dir, fd; /* the folder of salts, the day's file; -1: not open */
	int32_t day;
	bool dirty;  /* something of it is not on the disk */
	bool torn;   /* its last line has no end */
	struct person_hash *hash;
	unsigned char secret[PERSON_SALT]; /* what salts are made of */
	struct salting_slot *slots;
	size_t size, n;
	struct person_hiding hiding; /* of the record at hand */
	char *pending; /* its lines */
	size_t npending, room;
	char *unsynced; /* lines that a disk may lose; to be written again */
	size_t nunsynced, unsynced_room;

	/* salting_watch()'s own. */
	struct fault why; /* of `failing` */
	bool told_failing, told_overdue, told_scarce;
	int32_t erased_on; /* the day on which old ones were looked for */
	int64_t tried_ms;
};

/* What there is to tell, for the metrics. */
struct salting_stats {
	bool on, failing, overdue;
	uint64_t values; /* that the day has met, as far as they are known */
};

void salting_init(struct salting *) NONNULL;
void salting_close(struct salting *) NONNULL;

/*
 * As the settings say from now on.  False with a fault: salts cannot be kept,
 * which salting_watch() tries again.
 */
bool salting_follow(struct salting *, const struct settings *, int64_t now_us,
    struct fault *) MUST_CHECK NONNULL;

/* False: nobody is hidden, and all that was written is on the disk. */
static inline bool
salting_is_on(const struct salting *s)
{
	return atomic_load(&s->days) > 0;
}

/*
 * Around record_format(), where it is on.  *hide is NULL when that is over;
 * else nobody else's record is written until salting_end().  False: people
 * cannot be hidden now, and there is no record; with `accepts` the last room on
 * the disk is used, too.
 */
bool salting_begin(struct salting *, int64_t now_us, bool accepts,
    struct person_hiding **hide) MUST_CHECK NONNULL;
/* False: salts of the record could not be written: it is not to be used. */
bool salting_end(struct salting *, struct person_hiding *hide) MUST_CHECK
    NONNULL;

/* Brings salts to the disk, before the records that need them. */
bool salting_sync(struct salting *) MUST_CHECK NONNULL;

void salting_watch(struct salting *, int64_t now_us, int64_t now_ms) NONNULL;
void salting_read(struct salting *, struct salting_stats *) NONNULL;

#endif
