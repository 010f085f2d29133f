/*
 * signals.h - signals, the main thread's waiting, and libmilter's thread.
 *
 * libmilter takes HUP, TERM and INT with sigwait(3) in a thread of its own and
 * ends on each of them, HUP included.  It never gets one here: smfi_main()
 * runs in a thread that has them blocked (what it starts inherits that), and
 * the main thread has them unblocked with handlers of its own.  The kernel
 * hands a signal of the process to the main thread if that one takes it.  A
 * main thread in sigwait(3) would only be one of two that wait, and libmilter
 * would win sometimes.
 *
 * Threads: the main thread only.
 */
#ifndef TLSPOLICY_SIGNALS_H
#define TLSPOLICY_SIGNALS_H

#include "policy/policy.h"

enum signals_event {
	SIGNALS_NONE,	/* the time is over */
	SIGNALS_RELOAD, /* HUP */
	SIGNALS_STOP,	/* TERM, INT */
	SIGNALS_ENDED	/* libmilter ended of its own accord */
};

/* Handlers, before any other thread runs. */
bool signals_init(struct fault *);

/*
 * For starting a thread: the signals that only the main thread may get are
 * blocked in between.
 */
void signals_block(void);
void signals_unblock(void);

/* Run smfi_main() in a thread of its own. */
bool signals_start_milter(struct fault *);

enum signals_event signals_wait(int ms);

#endif
