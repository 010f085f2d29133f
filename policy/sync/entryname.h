/*
 * entryname.h - what the entry of a rule is called.
 *
 *     sendmailMTAKey=KEY,BASE
 *     description=NNNN+sendmailMTAKey=KEY,BASE     where a key has several lines
 *
 * As bytes the latter stand before the former and in the order of their numbers,
 * which is how sync takes them.
 *
 * Threads: no state.
 */
#ifndef TLSPOLICY_SYNC_ENTRYNAME_H
#define TLSPOLICY_SYNC_ENTRYNAME_H

#include "policy/base/text.h"

enum { ENTRYNAME_MAX = 12000, ENTRYNAME_NUMBER_MAX = 9999 };

/* `number` 0: the only line. */
void entryname_print(struct slice key, unsigned number, const char *base,
    struct text *) NONNULL;
/* The number in a name; 0: none. */
unsigned entryname_number(const char *name) NONNULL;

#endif
