#include <stdatomic.h>

#include "milter/clock.h"
#include "milter/engine/trouble.h"
#include "milter/log.h"

enum { SILENCE_MS = 60000 };

static _Atomic int64_t said_ms;	   /* 0: never */
static atomic_uint untold;

void
trouble_tell(const char *why)
{
	int64_t now = clock_ms(), before = atomic_load(&said_ms);
	unsigned more;

	if ((before != 0 && now - before < SILENCE_MS) ||
	    !atomic_compare_exchange_strong(&said_ms, &before, now)) {
		atomic_fetch_add(&untold, 1);
		return;
	}
	more = atomic_exchange(&untold, 0);
	if (more == 0)
		log_warnx("a connection from an MTA was closed: %s", why);
	else
		log_warnx("a connection from an MTA was closed: %s; so were %u "
		    "others since the log told of one", why, more);
}
