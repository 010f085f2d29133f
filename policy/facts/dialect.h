/*
 * dialect.h - the MTAs that speak to a milter, and what sets each apart.
 *
 * A file each: dialect-sendmail.c, dialect-postfix.c.  All that is asked about
 * an MTA elsewhere is asked of its row.  To add one: "an MTA" in policy/README.
 *
 * Threads: constant data only.
 */
#ifndef TLSPOLICY_DIALECT_H
#define TLSPOLICY_DIALECT_H

#include <stdbool.h>

struct facts;
struct macro;

enum dialect_id {
	DIALECT_SENDMAIL, /* and an MTA that nobody knows */
	DIALECT_POSTFIX,
	DIALECT_COUNT
};

struct dialect {
	const char *name;	    /* "postfix": on a command line */
	const char *title;	    /* "Postfix": in sentences */
	const char *version_prefix; /* {v} begins with it; NULL: a number */
	const struct macro *macros; /* what it tells, see macro.h */

	/*
	 * It tells no {verify}, but names only of certificates that it has
	 * verified: finish() makes {verify} of them.
	 */
	bool verify_from_names;
	/* Logins and names in certificates carry +XX, see macro.h. */
	bool encodes_names;
	const char *spoken_version; /* a {v} for sessions that are made up */

	/* Advice to who demands a fact that it never tells; NULL: none such. */
	const char *way_out;
	/* Why {tls_version} may say something else; NULL: it never does. */
	const char *version_doubt;

	/*
	 * Mail submitted by a program on the MTA's own host: no client on a
	 * network.
	 */
	bool (*is_local)(const struct facts *);
	/*
	 * All macros of a message are in: derives facts from others.  False:
	 * out of memory.  NULL: nothing to derive.
	 */
	bool (*finish)(struct facts *);
};

extern const struct dialect dialect_sendmail, dialect_postfix;

/* macro.c */
const struct dialect *dialect_row(enum dialect_id);

#endif
