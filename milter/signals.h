/*
 * signals.h - signals, the main thread's waiting, and libmilter's thread.
 *
 * libmilter takes HUP, TERM and INT with sigwait(3) in a thread of its own and
 * ends on each of them, HUP included.  It never gets one here: smfi_main()
 * runs in a thread that blocks them first (what it starts inherits that), the
 * main thread never blocks them and has handlers of its own, and sigwait() is
 * ours: it waits for nothing, for ever.  No other thread may call it.
 *
 * Threads: the main thread only, but for signals_block().
 */
#ifndef TLSPOLICY_SIGNALS_H
#define TLSPOLICY_SIGNALS_H

#include "policy/policy.h"

enum signals_event {
	SIGNALS_NONE,	/* the timeout passed */
	SIGNALS_RELOAD, /* HUP */
	SIGNALS_STOP,	/* TERM, INT */
	SIGNALS_ENDED	/* smfi_main() returned */
};

/* Handlers, before any other thread runs. */
bool signals_init(struct fault *) MUST_CHECK NONNULL;

/*
 * What any other thread calls first: the signals that only the main thread may
 * get are blocked in it, and in what it starts.
 */
void signals_block(void);

/* Run smfi_main() in a thread of its own. */
bool signals_start_milter(struct fault *) MUST_CHECK NONNULL;

enum signals_event signals_wait(int ms);

#endif
