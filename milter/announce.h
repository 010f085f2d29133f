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
	uint64_t id, plan; /* plan: the line is about this plan; 0: about a
			    * policy */
	bool over;	   /* the line tells of the plan's end */
	size_t n;
	char line[];
};

typedef bool announce_submit(struct auditlog *, struct slice line,
    enum writer_patience);

void announce_init(struct announce *) NONNULL;

/* A store without a history has only its generation's number. */
static inline uint64_t
announce_id(const struct store_reader *r)
{
	return r->info.head != 0 ? r->info.head : r->info.generation |
	    1ULL << 63;
}

/*
 * The common case, a comparison each: the log knows the generation that is
 * read, it knows of a plan that may be over, and there is something to be
 * written in front of a record.
 */
static inline bool
announce_knows(const struct announce *a, const struct store_reader *r)
{
	return atomic_load(&a->newest) == announce_id(r);
}

static inline bool
announce_knows_plan(const struct announce *a)
{
	return atomic_load(&a->plan) != 0;
}

static inline bool
announce_is_due(const struct announcement *list, struct settings_in_force *s)
{
	return list != NULL || !atomic_load(&s->announced);
}

/*
 * While the store is read, unless announce_knows() it: adds its generation.
 * `node` is that of the record to come, or empty.  False: out of memory.
 */
bool announce_look(struct announce *, struct store_reader *, struct slice node,
    int64_t now_us, struct announcement **) MUST_CHECK NONNULL;
/* Adds the plan of this store, or its end, if there was one. */
bool announce_look_plan(struct announce *, struct store_reader *,
    const struct plan *, int64_t now_us, struct announcement **)
    MUST_CHECK NONNULL;
bool announce_look_end(struct announce *, int64_t now_us,
    struct announcement **) MUST_CHECK NONNULL;
/*
 * In front of a record, if it announce_is_due(): writes all announcements, and
 * the settings, and empties the list.  False: not recorded; what is left stays
 * for the next record.  `submit` is auditlog_submit() or auditlog_hand_ahead(),
 * the patience that of the record.
 */
bool announce_all(struct announce *, struct auditlog *,
    struct announcement **, struct settings_in_force *, int64_t now_us,
    announce_submit *submit, enum writer_patience) MUST_CHECK NONNULL;
void announce_forget(struct announcement **) NONNULL;
/*
 * Forgets the announcements in front of `before`, which is in the list, or
 * NULL.
 */
void announce_take_back(struct announcement **,
    const struct announcement *before);

#endif
