/*
 * subject.h - whom the rules of a tag can tell apart: one of each kind.
 *
 * For each key of the rules, and for those who have none, somebody who meets it
 * first; of all that meet the same chain (ground.h) only the first is kept, for
 * the rules see no difference.  So complete as the keys are, this list is.
 *
 * Clients on loopback addresses and submission on the MTA's own host are left
 * out: they are no sessions over a network.
 *
 * Threads: belongs to one.
 */
#ifndef TLSPOLICY_PROVE_SUBJECT_H
#define TLSPOLICY_PROVE_SUBJECT_H

#include "policy/prove/ground.h"

enum { SUBJECT_VALUES = 2, SUBJECTS_MAX = 4 * 1000 * 1000 };

struct prove_subject {
	const struct prove_chain *chain;
	/*
	 * Of a client and a listener name and address or port, of a login the
	 * name as sendmail and as Postfix tell it, else the address.
	 */
	struct slice value[SUBJECT_VALUES];
	bool absent; /* nobody has logged in */
	bool exempt;
	const char *resolve; /* sendmail's {client_resolve}; NULL: not told */
	bool sendmail_only;  /* Postfix has no such client */
};

struct prove_subjects {
	struct prove_subject *subjects;
	size_t n, allocated;
};

void prove_subjects_free(struct prove_subjects *);

/*
 * Those whom the claim means.  False: see the ground's fault; or its
 * `unknowable`, when there are too many.
 */
bool prove_subjects_find(struct prove_ground *, const struct claim *, enum tag,
    struct prove_subjects *) MUST_CHECK NONNULL;

void prove_subject_put(const struct prove_subject *, enum tag,
    struct prove_session *) NONNULL;

/* A session in clear of whom no rule knows; the rest is put into it. */
void prove_subject_nobody(const struct prove_ground *, struct prove_session *)
    NONNULL;

#endif
