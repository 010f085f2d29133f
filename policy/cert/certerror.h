/*
 * What the system refused OpenSSL, by its queue of errors: without it a file that
 * cannot be opened looks like one that holds nothing, and a check without memory
 * like one that found nothing.
 *
 * Threads: each has a queue of its own.
 */
#ifndef TLSPOLICY_CERTERROR_H
#define TLSPOLICY_CERTERROR_H

/* An errno, ENOMEM before others; 0: nothing.  The queue is empty then. */
int certerror_take(void);

#endif
