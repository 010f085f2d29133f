/*
 * directory-internal.h - a connection, for the files directory*.c.
 */
#ifndef TLSPOLICY_SYNC_DIRECTORY_INTERNAL_H
#define TLSPOLICY_SYNC_DIRECTORY_INTERNAL_H

#include <ldap.h>

#include "policy/sync/cookie.h"
#include "policy/sync/directory.h"
#include "policy/sync/entryname.h"
#include "policy/sync/patience.h"

#define DIRECTORY_BY "modifiersName"

enum {
	DIRECTORY_SECONDS = 10, /* that a server may take */
	DIRECTORY_SILENCE = 20  /* or be silent in the middle of something */
};

struct directory {
	LDAP *ld;
	struct ldap_conncb callback; /* libldap's, for patience */
	struct sync_entries *entries;
	const char *uri;
	BerElement *state; /* of an entry: only the struct is used again */
	int id;		/* of the search that lasts */
	int result;	/* LDAP's, of that search */
	bool all;	/* this refresh tells of all entries */
	bool refreshed; /* it has come to its end */
	struct patience patience;
	struct text cookie;
	char cookie_text[COOKIE_MAX];
	char *base;
};

/* "URI: WHAT: ERROR: what the server said of it"; `ld` NULL: it said nothing. */
bool directory_failed(const char *uri, const char *what, int error, LDAP *ld,
    struct fault *);

/* directory-entry.c: goes to the entries.  False: it cannot be read. */
bool directory_take_entry(struct directory *, LDAPMessage *,
    const unsigned char *uuid) MUST_CHECK NONNULL;

#endif
