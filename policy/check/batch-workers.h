/*
 * batch-workers.h - the lines of `check --batch` shared out among threads;
 * private to batch.h.
 *
 * The answers come in the order of the lines, whoever judged them.  Threads
 * are started by the first round that is worth it; if none can be, the caller
 * judges alone.
 *
 * Threads: a struct batch_workers is used by the thread that made it.
 */
#ifndef TLSPOLICY_CHECK_BATCH_WORKERS_H
#define TLSPOLICY_CHECK_BATCH_WORKERS_H

#include "policy/check/batch-line.h"

enum { BATCH_ROUND_MAX = 512 };

struct batch_lines {
	struct slice line[BATCH_ROUND_MAX];
	bool too_long[BATCH_ROUND_MAX]; /* and not here */
	size_t n;
	uint64_t first; /* number of the first one */
};

struct batch_workers;

/* NULL: out of memory. */
struct batch_workers *batch_workers_new(const struct check *like)
    MUST_CHECK NONNULL;
void batch_workers_free(struct batch_workers *);

enum batch_result { BATCH_JUDGED, BATCH_NOT_WRITTEN, BATCH_NO_MEMORY };

/* Judges the lines and writes their answers to `out`. */
enum batch_result batch_workers_round(struct batch_workers *,
    const struct batch_lines *, FILE *out) NONNULL;

/* Lines so far that could not be judged; *no_memory: some for want of it. */
uint64_t batch_workers_bad(const struct batch_workers *, bool *no_memory)
    NONNULL;

#endif
