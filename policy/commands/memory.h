/*
 * memory.h - the libraries run out of memory.
 *
 * OpenSSL and jansson tell that as they tell bad input: no such cipher, not
 * JSON, no key in this certificate; OpenSSL may even crash.  So for a command,
 * which has nothing to lose, the end comes where memory is refused: a message
 * and exit 69.  A transaction that was open is not committed.
 */
#ifndef TLSPOLICY_MEMORY_H
#define TLSPOLICY_MEMORY_H

/* Before either library is used; an error of its own is not one of ours. */
void memory_watch(void);

/* A folder of scratch.c that would be left behind; NULL: none any more. */
void memory_scratch(const char *folder);

#endif
