/*
 * ends.h - how many rules have ended, how many soon will, and when the next
 * one does.
 *
 * All rules are looked at, so it is done by the thread that watches the store,
 * and only when there is another generation, another file or another day: the
 * last day of a rule ends with the day, UTC.
 *
 * Threads: any may read; the main thread alone watches.
 */
#ifndef TLSPOLICY_MILTER_METRICS_ENDS_H
#define TLSPOLICY_MILTER_METRICS_ENDS_H

#include <pthread.h>

#include "milter/store-holder.h"

enum { ENDS_SOON_DAYS = 14 };

struct ends_numbers {
	uint64_t ended;	 /* rules that stand there and count no more */
	uint64_t ending; /* in less than ENDS_SOON_DAYS days */
	int64_t next;	 /* when the next rule will have ended, since 1970;
			  * 0: none will */
};

struct ends {
	pthread_mutex_t lock;
	bool known;
	struct ends_numbers numbers;
	/* What `numbers` were counted from; read by the main thread alone. */
	uint64_t generation;
	unsigned opened;
	int32_t day;
};

void ends_init(struct ends *);
/* To be called every second or so; `now_us` since 1970. */
void ends_watch(struct ends *, struct store_holder *, int64_t now_us);
/* False: not known, as the rules could not be looked at. */
bool ends_read(struct ends *, struct ends_numbers *);

#endif
