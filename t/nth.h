/*
 * nth.h - the n-th call of the system or of a library fails, once or from then
 * on, in a test that is linked with NTH_WRAPS (Makefile.am).  Only what our
 * own code calls is counted, of any thread.
 *
 *	for (long n = 1; ; n++) {
 *		nth_arm(NULL, n, n, EIO);
 *		good = what_is_tried();
 *		if (nth_disarm() < n)
 *			break;
 *		... what must be true of good == false
 *	}
 */
#ifndef TLSPOLICY_NTH_H
#define TLSPOLICY_NTH_H

/*
 * From the first to the last call of this name, of "memory", or of any that
 * nth.c knows (NULL), they fail with this errno.
 */
void nth_arm(const char *call, long first, long last, int error);
/* No call fails any more; returns how many calls there were. */
long nth_disarm(void);
/* The latest one that failed: for what a test says. */
const char *nth_failed(void);

#endif
