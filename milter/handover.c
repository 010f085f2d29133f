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
static atomic_int waiting;

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
	    bit) != 0 &&
	    (atomic_fetch_and(&begun[fd / BITS], ~bit) & bit) != 0)
		atomic_fetch_sub(&waiting, 1);
}

bool
handover_waits(void)
{
	return atomic_load_explicit(&waiting, memory_order_relaxed) > 0;
}
