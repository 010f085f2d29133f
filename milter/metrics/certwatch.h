/*
 * certwatch.h - when the certificates end that the setting watch-certificates
 * names.
 *
 * Nobody tells the daemon which certificates its MTA shows, and when one of them
 * is renewed; so the files are named by a setting, and read at the start, on
 * SIGHUP and every hour.  What is wrong with one is logged once a day.
 *
 * Threads: any may read; the main thread alone watches.
 */
#ifndef TLSPOLICY_MILTER_METRICS_CERTWATCH_H
#define TLSPOLICY_MILTER_METRICS_CERTWATCH_H

#include <pthread.h>

#include "policy/policy.h"

enum { CERTWATCH_SOON_DAYS = 14 };

struct certwatch_file {
	char path[SETTINGS_STRING_MAX];
	bool known;   /* it was read the last time */
	int64_t end;  /* when its first certificate ends, since 1970 */
	int32_t told; /* the day of the last line in the log; the main thread's */
};

struct certwatch {
	pthread_mutex_t lock;
	unsigned n;
	struct certwatch_file files[SETTINGS_PATHS_MAX];
	int64_t due_ms; /* the main thread's */
};

void certwatch_init(struct certwatch *) NONNULL;
/*
 * To be called every second or so, with the setting; `now_us` since 1970.  After
 * certwatch_again() all is read, and told, at once.
 */
void certwatch_watch(struct certwatch *, const char *paths, int64_t now_ms,
    int64_t now_us) NONNULL;
void certwatch_again(struct certwatch *) NONNULL;
/* Copies what is known; how many files there are. */
unsigned certwatch_read(struct certwatch *,
    struct certwatch_file files[SETTINGS_PATHS_MAX]) NONNULL;

#endif
