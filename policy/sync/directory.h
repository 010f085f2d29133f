/*
 * directory.h - a directory that tells its entries and then each change of them:
 * RFC 4533, refreshAndPersist, by libldap.
 *
 * The entries are sendmail's own, see entryname.h.
 *
 * Nothing is asked or told without TLS, but by ldapi:.  A server whose
 * certificate is not of the CA is none.  No ldap.conf(5) of the machine or of
 * the user is read.
 *
 * Threads: one.
 */
#ifndef TLSPOLICY_SYNC_DIRECTORY_H
#define TLSPOLICY_SYNC_DIRECTORY_H

#include "policy/sync/entries.h"

enum { DIRECTORY_PASSWORD_MAX = 1024 };

/* Strings are the caller's; "" is none. */
struct directory_access {
	const char *base;
	const char *bind; /* a distinguished name, "external", or "" */
	const char *password;
	const char *ca_file, *certificate_file, *key_file;
};

struct directory;

/* Connects and binds.  NULL with a fault. */
struct directory *directory_open(const char *uri,
    const struct directory_access *, struct sync_entries *, struct fault *)
    MUST_CHECK NONNULL;
void directory_close(struct directory *);

/*
 * All that has changed since the cookie (n 0: all there is) goes to the entries.
 * *forgotten: the directory does not know the cookie any more; the next refresh
 * is to be one without.  False: it was cut short, and the entries are not to
 * be used until a refresh ended well.
 */
bool directory_refresh(struct directory *, struct slice cookie,
    bool *forgotten, struct fault *) MUST_CHECK NONNULL;
/*
 * As directory_refresh(), for the changes that come within `ms` milliseconds.
 */
bool directory_wait(struct directory *, int ms, struct fault *) MUST_CHECK
    NONNULL;
/* Does it still answer? */
bool directory_answers(struct directory *, struct fault *) MUST_CHECK NONNULL;
/*
 * A rule as an entry.  `number`: which one of the lines of its key, from 1; 0:
 * the only one.
 */
bool directory_add(struct directory *, struct slice key, unsigned number,
    struct slice requirement, struct fault *) MUST_CHECK NONNULL;
/* Another requirement in the entry of that name. */
bool directory_change(struct directory *, const char *name,
    struct slice requirement, struct fault *) MUST_CHECK NONNULL;
/* Removes the entry; one that is gone already is fine. */
bool directory_remove(struct directory *, const char *name, struct fault *)
    MUST_CHECK NONNULL;

/* How far it was read; belongs to the directory. */
struct slice directory_cookie(const struct directory *) NONNULL;

#endif
