/*
 * directory-internal.h - a connection, for the files directory*.c.
 */
#ifndef TLSPOLICY_SYNC_DIRECTORY_INTERNAL_H
#define TLSPOLICY_SYNC_DIRECTORY_INTERNAL_H

#include <ldap.h>

#include "policy/sync/cookie.h"
#include "policy/sync/directory.h"
#include "policy/sync/patience.h"

/* sendmail's words, and the map's name. */
#define DIRECTORY_MAP "tlspolicy"
#define DIRECTORY_KEY "sendmailMTAKey"
#define DIRECTORY_VALUE "sendmailMTAMapValue"
#define DIRECTORY_BY "modifiersName"

enum { DIRECTORY_SECONDS = 10 }; /* that a server may take */

struct directory {
	LDAP *ld;
	ldap_sync_t sync;
	bool syncing;
	struct sync_entries *entries;
	const char *uri;
	bool all;	/* this refresh tells of all entries */
	bool ended;	/* by the server */
	unsigned long messages; /* that libldap handed out */
	struct patience patience; /* during a refresh */
	struct text cookie;
	char cookie_text[COOKIE_MAX];
	char *base;
	char *attributes[4];
};

/* "URI: WHAT: ERROR: what the server said of it"; `ld` NULL: it said nothing. */
bool directory_failed(const char *uri, const char *what, int error, LDAP *ld,
    struct fault *);

#endif
