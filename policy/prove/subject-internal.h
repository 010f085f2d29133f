/*
 * subject-internal.h - the parts of subject.h, private to them.
 *
 * Threads: as there.
 */
#ifndef TLSPOLICY_PROVE_SUBJECT_INTERNAL_H
#define TLSPOLICY_PROVE_SUBJECT_INTERNAL_H

#include "policy/prove/subject.h"

/* What chain->seen is marked for, with the number of the run. */
enum {
	SEEN_KEPT,		  /* a subject of it was kept; an exempt one: */
	SEEN_KEPT_EXEMPT,
	SEEN_BEHIND,		  /* an address of it is behind a name */
	SEEN_BEHIND_EXEMPT,
	SEEN_NARROW,		  /* a name's own lines */
	SEEN_COUNT
};

_Static_assert((int)SEEN_COUNT == (int)CHAIN_MARKS, "a mark each");

struct prove_finder {
	struct prove_ground *g;
	const struct claim *claim;
	enum tag tag;
	struct prove_subjects *out;
	struct slice within; /* names end so, or the claim does not mean them */
	uint32_t run; /* number of this search, in chain->seen */
	size_t tried;
	/* Of the clients that are looked for, see subject.h. */
	const char *resolve;
	bool sendmail_only;
};

/* A growing list of strings; they are the ground's. */
struct prove_names {
	struct slice *names;
	size_t n, allocated;
};

/* False: failed, see the ground. */
bool prove_names_add(struct prove_ground *, struct prove_names *, struct slice)
    MUST_CHECK;

/* subject-key.c: what the parts share */

/* The subject's facts are in the ground's; false: failed. */
bool prove_subject_look(struct prove_finder *, const struct prove_subject *)
    MUST_CHECK;
bool prove_subject_is_meant(const struct prove_finder *);
/*
 * Follows the chain of the subject that was looked at; `narrow`: see ground.h.
 */
struct prove_chain *prove_subject_chain(struct prove_finder *, bool narrow,
    bool *final) MUST_CHECK;
/* Keeps the subject, unless one with the same chain was kept before. */
bool prove_subject_keep(struct prove_finder *, struct prove_subject *,
    struct prove_chain *) MUST_CHECK;
/* A name, and one below it, that the keys of this tag tell apart. */
bool prove_subject_names(struct prove_finder *, struct prove_names *)
    MUST_CHECK;
/* Addresses that keys of these kinds (a bit each) tell apart. */
bool prove_subject_addresses(struct prove_finder *, unsigned kinds,
    struct prove_names *) MUST_CHECK;

/* subject-host.c, subject-mail.c */
bool prove_subject_hosts(struct prove_finder *) MUST_CHECK;
bool prove_subject_mailboxes(struct prove_finder *) MUST_CHECK;

#endif
