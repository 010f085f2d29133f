#include <time.h>

#include "t/bench/stats.h"

#define SUB_BITS 6
#define SUB (1U << SUB_BITS)

uint64_t
stats_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

/* Exact below 2 * SUB; above, the top SUB_BITS + 1 bits tell the bucket. */
static unsigned
bucket_of(uint64_t ns)
{
	unsigned shift, n;

	if (ns < 2 * SUB)
		return (unsigned)ns;
	shift = 63U - (unsigned)__builtin_clzll(ns) - SUB_BITS;
	n = (shift << SUB_BITS) + (unsigned)(ns >> shift);
	return n < STATS_BUCKETS ? n : STATS_BUCKETS - 1;
}

static double
middle_of(unsigned n)
{
	unsigned shift;

	if (n < 2 * SUB)
		return n;
	shift = (n >> SUB_BITS) - 1;
	return ((double)(n - (shift << SUB_BITS)) + 0.5) *
	    (double)(1ULL << shift);
}

void
stats_add(struct stats *s, uint64_t ns)
{
	s->count++;
	s->sum += ns;
	s->bucket[bucket_of(ns)]++;
	if (ns > s->max)
		s->max = ns;
}

void
stats_add_shared(struct stats *s, uint64_t ns)
{
	__atomic_fetch_add(&s->count, 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(&s->sum, ns, __ATOMIC_RELAXED);
	__atomic_fetch_add(&s->bucket[bucket_of(ns)], 1, __ATOMIC_RELAXED);
	if (ns > __atomic_load_n(&s->max, __ATOMIC_RELAXED))
		__atomic_store_n(&s->max, ns, __ATOMIC_RELAXED);
}

double
stats_quantile(const struct stats *s, double share)
{
	uint64_t seen = 0, want = (uint64_t)(share * (double)s->count);

	for (unsigned n = 0; n < STATS_BUCKETS; n++) {
		seen += s->bucket[n];
		if (seen > want)
			return middle_of(n);
	}
	return (double)s->max;
}

void
stats_print(const struct stats *s, FILE *f)
{
	double mean = s->count == 0 ? 0 : (double)s->sum / (double)s->count;

	fprintf(f, "{\"n\":%llu,\"mean\":%.2f,\"p50\":%.2f,\"p99\":%.2f,"
		   "\"p99.9\":%.2f,\"max\":%.2f}",
	    (unsigned long long)s->count, mean / 1e3,
	    stats_quantile(s, 0.5) / 1e3, stats_quantile(s, 0.99) / 1e3,
	    stats_quantile(s, 0.999) / 1e3, (double)s->max / 1e3);
}
