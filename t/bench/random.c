/*
 * splitmix64 for the numbers; a four-round Feistel network over it for the
 * permutation, which is what makes generated keys unique without a table of
 * those already given out.
 */
#include "t/bench/random.h"

uint64_t
random_at(uint64_t seed, uint64_t n)
{
	uint64_t z = seed + (n + 1) * 0x9e3779b97f4a7c15U;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
	return z ^ (z >> 31);
}

uint32_t
random_permute(uint64_t seed, uint32_t n, unsigned bits)
{
	unsigned half = bits / 2;
	uint32_t mask = (uint32_t)((1U << half) - 1);
	uint32_t left = n >> half, right = n & mask, next;

	for (uint64_t round = 0; round < 4; round++) {
		next = left ^
		    ((uint32_t)random_at(seed + round, right) & mask);
		left = right;
		right = next;
	}
	return (left << half) | right;
}
