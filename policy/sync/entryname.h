/*
 * entryname.h - what the entry of a rule is called, and what it is made of: classes
 * and attributes of sendmail's schema (cf/README, "USING LDAP FOR ALIASES, MAPS,
 * AND CLASSES").
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

#define ENTRYNAME_KEY "sendmailMTAKey"
#define ENTRYNAME_VALUE "sendmailMTAMapValue"
#define ENTRYNAME_NUMBER "description"
#define ENTRYNAME_MAP "sendmailMTAMapName" /* and what it is here: */
#define ENTRYNAME_OUR_MAP "tlspolicy"
#define ENTRYNAME_CLASS "sendmailMTAMapObject"

enum { ENTRYNAME_CLASSES = 3 };

/* ENTRYNAME_CLASS and the classes above it; in the order of LDIF. */
extern const char *const entryname_classes[ENTRYNAME_CLASSES];

enum { ENTRYNAME_MAX = 12000, ENTRYNAME_NUMBER_MAX = 9999 };

/* `number` 0: the only line. */
void entryname_print(struct slice key, unsigned number, const char *base,
    struct text *) NONNULL;
/* The number in a name; 0: none. */
unsigned entryname_number(const char *name) NONNULL;

#endif
