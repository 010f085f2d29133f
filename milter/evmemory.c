#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <time.h>

#include <event2/event.h>

#include "milter/evmemory.h"

enum { PAUSE_MS = 20 };

static _Thread_local bool waits;

static void *
wait_for(void *p, size_t n)
{
	const struct timespec pause = { 0, PAUSE_MS * 1000000 };
	void *got;

	while ((got = realloc(p, n)) == NULL && n > 0 && waits)
		nanosleep(&pause, NULL);
	return got;
}

static void *
get(size_t n)
{
	return wait_for(NULL, n);
}

void
evmemory_init(void)
{
	event_set_mem_functions(get, wait_for, free);
}

void
evmemory_wait(void)
{
	waits = true;
}
