/*
 * Memory for libevent, which does not look whether it got any: a high watermark
 * writes through a NULL, an event that could not be added never comes, and a
 * listener that could not be enabled again accepts nothing any more.
 *
 * The threads that run its loops therefore wait until there is memory; they
 * serve nobody meanwhile.  Any other thread is told at once, as by malloc(3).
 */
#ifndef MILTER_EVMEMORY_H
#define MILTER_EVMEMORY_H

/* At the start, before anything of libevent is used. */
void evmemory_init(void);

/* From now on allocations of the calling thread wait for memory. */
void evmemory_wait(void);

#endif
