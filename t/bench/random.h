/*
 * Numbers that look random and are the same on every machine for the same
 * seed.  Stateless, so that the rule generator and the load generator can
 * speak of rule 8,123,456 without holding the ten million before it.
 */
#ifndef T_BENCH_RANDOM_H
#define T_BENCH_RANDOM_H

#include <stdint.h>

/* The n-th number of the sequence that seed names (splitmix64). */
uint64_t random_at(uint64_t seed, uint64_t n);

/*
 * A permutation of 0 .. 2^bits-1 chosen by seed: different n give different
 * results.  bits is even, 2 to 32, and n is in range.
 */
uint32_t random_permute(uint64_t seed, uint32_t n, unsigned bits);

#endif
