/*
 * A container or taskset(1) may leave the process fewer processors than the
 * machine has.
 */
#include "config.h" /* for CPU_COUNT(3) */

#include <sched.h>

#include "policy/base/processors.h"

size_t
processors_usable(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof set, &set) == -1)
		return 1;
	return (size_t)CPU_COUNT(&set);
}
