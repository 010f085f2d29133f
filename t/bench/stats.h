/*
 * A histogram of durations from 0 ns to hours with an error under 1.6 %: 64
 * buckets per power of two.  Plain numbers without pointers, so that it can
 * lie in a file shared by mmap(2).
 */
#ifndef T_BENCH_STATS_H
#define T_BENCH_STATS_H

#include <stdint.h>
#include <stdio.h>

#define STATS_BUCKETS 2560

struct stats {
	uint64_t count;
	uint64_t sum;		/* ns */
	uint64_t max;		/* ns */
	uint64_t bucket[STATS_BUCKETS];
};

/* Nanoseconds of the monotonic clock. */
uint64_t stats_clock(void);

/* Not for several threads at once. */
void stats_add(struct stats *, uint64_t ns);

/* As stats_add(), for several threads at once. */
void stats_add_shared(struct stats *, uint64_t ns);

/* The duration in ns that share (0 to 1) of the samples do not exceed. */
double stats_quantile(const struct stats *, double share);

/* {"n":..,"mean":..,"p50":..,"p99":..,"p99.9":..,"max":..}, microseconds. */
void stats_print(const struct stats *, FILE *);

#endif
