/*
 * A bit for each descriptor, so that a session is counted once, whatever comes
 * of it.  Descriptors beyond are not counted: their sessions wait, as with
 * libmilter alone, until a worker is free.
 */
#include <limits.h>
#include <stdatomic.h>

#include "milter/handover.h"

enum { DESCRIPTORS = 65536, BITS = sizeof(unsigned long) * CHAR_BIT };

static atomic_ulong begun[DESCRIPTORS / BITS];
static atomic_ulong made[DESCRIPTORS / BITS];
static atomic_int waiting, made_waiting; /* these are among those */

void
handover_begin(int fd)
{
	unsigned long bit;

	if (fd < 0 || fd >= DESCRIPTORS)
		return;
	bit = 1UL << fd % BITS;
	if ((atomic_fetch_or(&begun[fd / BITS], bit) & bit) == 0)
		atomic_fetch_add(&waiting, 1);
}

void
handover_end(int fd)
{
	unsigned long bit;

	if (fd < 0 || fd >= DESCRIPTORS)
		return;
	bit = 1UL << fd % BITS;
	if ((atomic_load_explicit(&begun[fd / BITS], memory_order_relaxed) &
	    bit) == 0 ||
	    (atomic_fetch_and(&begun[fd / BITS], ~bit) & bit) == 0)
		return;
	atomic_fetch_sub(&waiting, 1);
	if ((atomic_load_explicit(&made[fd / BITS], memory_order_relaxed) &
	    bit) != 0) {
		atomic_fetch_and(&made[fd / BITS], ~bit);
		atomic_fetch_sub(&made_waiting, 1);
	}
}

bool
handover_waits(void)
{
	return atomic_load_explicit(&waiting, memory_order_relaxed) > 0;
}

bool
handover_made(int fd)
{
	if (fd < 0 || fd >= DESCRIPTORS ||
	    atomic_load(&made_waiting) >= HANDOVER_MADE_MAX)
		return false;
	atomic_fetch_add(&made_waiting, 1);
	atomic_fetch_or(&made[fd / BITS], 1UL << fd % BITS);
	handover_begin(fd);
	return true;
}

int
handover_sessions(void)
{
	int sessions = atomic_load(&waiting) - atomic_load(&made_waiting);

	return sessions > 0 ? sessions : 0;
}

int
handover_lacking(void)
{
	int lacking = atomic_load(&waiting) - 2 * atomic_load(&made_waiting);

	return lacking > 0 ? lacking : 0;
}
