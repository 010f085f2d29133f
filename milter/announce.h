/*
 * announce.h - the audit log tells of a policy, and of settings, before it tells
 * of anything that they brought about.
 *
 * Who judges by a generation that the log does not know yet keeps a line about
 * it, and the line goes in front of whatever record is made of that verdict;
 * whoever else has such a record meanwhile waits for that line.  A record whose
 * policy, or settings, could not be announced is not written either.
 *
 * Two steps, since the store must not be held while a disk is waited for.
 *
 * Threads: any number; a list of announcements belongs to one.
 */
#ifndef TLSPOLICY_MILTER_ANNOUNCE_H
#define TLSPOLICY_MILTER_ANNOUNCE_H

#include <pthread.h>
#include <stdatomic.h>

#include "milter/auditlog/auditlog.h"
#include "milter/settings-holder.h"

enum { ANNOUNCE_KNOWN = 32, ANNOUNCE_LINE_MAX = 16 * 1024 };

struct announce {
	pthread_mutex_t lock;
	_Atomic uint64_t newest; /* the last one that was announced; 0: none */
	uint64_t known[ANNOUNCE_KNOWN]; /* and those before, in a ring */
	unsigned next;
	_Atomic uint64_t plan;	    /* of which the log knows; 0: none */
	_Atomic uint64_t plan_news; /* its generation that was announced */
};

/* Policies that are to be announced: a list, NULL when there are none. */
struct announcement {
	struct announcement *next;
	uint64_t id, plan; /* the latter: or of this plan; 0: of none */
	bool over;	   /* the plan is */
	size_t n;
	char line[];
};

typedef bool announce_submit(struct auditlog *, struct slice line);

void announce_init(struct announce *) NONNULL;

/*
 * While the store is read: adds its generation.  `node` is that of the record to
 * come, or empty.  False: out of memory.
 */
bool announce_look(struct announce *, struct store_reader *, struct slice node,
    int64_t now_us, struct announcement **) MUST_CHECK NONNULL;
/* The same of a plan, in whose store this is; of its end, if there was one. */
bool announce_look_plan(struct announce *, struct store_reader *,
    const struct plan *, int64_t now_us, struct announcement **)
    MUST_CHECK NONNULL;
bool announce_look_end(struct announce *, int64_t now_us,
    struct announcement **) MUST_CHECK NONNULL;
/*
 * In front of a record: writes all of them, and the settings, and empties the
 * list.  False: not recorded; what is left stays for the next record.  `submit`
 * is that for the record, auditlog_submit() or one of its kind.
 */
bool announce_all(struct announce *, struct auditlog *,
    struct announcement **, struct settings_in_force *, int64_t now_us,
    announce_submit *submit) MUST_CHECK NONNULL;
void announce_forget(struct announcement **) NONNULL;
/* Forgets those in front of `before`, which is in the list, or NULL. */
void announce_take_back(struct announcement **,
    const struct announcement *before);

#endif
