/*
 * A small sample proves little: 20 of 20 is also what one sees of a partner one
 * of whose seven mails fails, once in twenty times.
 */
#include <math.h>

#include "policy/suggest/suggest-internal.h"

/* The probability of at most `failed` in `n` when each fails with `p`. */
static double
at_most(double n, double failed, double p)
{
	double sum = 0;

	for (double k = 0; k <= failed; k++)
		sum += exp(lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) +
		    k * log(p) + (n - k) * log1p(-p));
	return sum;
}

double
suggest_bound(uint64_t n, uint64_t failed)
{
	double low = 0, high = 1;

	if (n == 0 || failed >= n)
		return 1;
	for (int i = 0; i < 60; i++) {
		double middle = (low + high) / 2;

		if (at_most((double)n, (double)failed, middle) > 0.05)
			low = middle;
		else
			high = middle;
	}
	return high;
}
