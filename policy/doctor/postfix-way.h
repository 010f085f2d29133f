/*
 * postfix-way.h - which way mail to a domain takes out of a Postfix.
 *
 * As trivial-rewrite(8) finds it, by main.cf alone: the class of the domain, its
 * transport and next hop, by the sender's address as well, then transport_maps.
 * Tables are asked by postmap(1).
 *
 * Threads: for programs with one (run.h).
 */
#ifndef TLSPOLICY_DOCTOR_POSTFIX_WAY_H
#define TLSPOLICY_DOCTOR_POSTFIX_WAY_H

#include "policy/doctor/postfix.h"

enum { POSTFIX_WAY_BYTES = 4096 };

enum postfix_found {
	POSTFIX_ABSENT,
	POSTFIX_FOUND,
	POSTFIX_UNASKED /* the table gave no answer */
};

/* All in lower case. */
struct postfix_mail {
	const char *user;   /* of the recipient; "": not said */
	const char *domain;
	const char *sender; /* "": the null sender; NULL: not said */
};

enum { POSTFIX_WAY_DEPENDS_MAX = 3 };

struct postfix_way {
	char transport[POSTFIX_WAY_BYTES]; /* "smtp"; "": not known */
	char nexthop[POSTFIX_WAY_BYTES];   /* one or more: "[a.test]:25, b" */
	const char *transport_by, *nexthop_by; /* the parameters that say so */
	const struct postfix_service *service; /* NULL: it is not smtp(8) */
	char unasked[POSTFIX_WAY_BYTES];   /* a table, and why; "": none */
	/*
	 * Parameters by which other mail for the domain may go another way: by
	 * its sender or recipient, who were not said.
	 */
	const char *depends[POSTFIX_WAY_DEPENDS_MAX];
	unsigned ndepends;
};

/* "hash:/etc/x" for a key; `out` gets the value, or why there is no answer. */
enum postfix_found postfix_query(const struct postfix *, struct slice table,
    const char *key, struct text *out);

/* All of a table, "KEY\tVALUE" a line; false: `out` says why not. */
bool postfix_list_table(const struct postfix *, struct slice table,
    struct text *out) MUST_CHECK;

void postfix_way(const struct postfix *, const struct postfix_mail *,
    struct postfix_way *);

#endif
