/*
 * ground.h - what claims are decided on: rules, settings, and what is known of
 * them.
 *
 * The keys of the rules by tag, and the chains that subjects meet: of a tag's
 * rules those lines that can come to count for one sender, one client, in the
 * order in which they are tried, up to the first that always counts.  All whose
 * chain is the same are judged alike, whatever their names are; the chain of a
 * client says as well which of the clients it is that CLIENT and WHEN name.
 *
 * Threads: belongs to one.  The reader must outlive it.
 */
#ifndef TLSPOLICY_PROVE_GROUND_H
#define TLSPOLICY_PROVE_GROUND_H

#include "policy/check/check.h"
#include "policy/prove/session.h"
#include "policy/prove/strings.h"
#include "policy/store/store.h"

/* The subject of a key. */
struct prove_key {
	enum key_kind kind;
	bool below;		 /* ".name" */
	struct slice text;	 /* name, mailbox or word */
	struct netprefix prefix; /* of an address */
};

struct prove_keys {
	struct prove_key *keys;
	size_t n, allocated;
};

/* A row of CITag. */
struct prove_issuer {
	struct slice tag, dn; /* as written */
};

enum { CHAIN_MARKS = 5, GROUND_CLIENTS_MAX = 64 };

struct prove_chain {
	enum tag tag;
	struct slice lines; /* requirements, a line each; an empty line: another
			       spelling of the address */
	struct slice clients; /* of a client: what each of the ground's comes
				 to, an answer a letter */
	bool free;	    /* a handshake that did not fail suffices */
	uint32_t seen[CHAIN_MARKS]; /* subject-internal.h */
};

struct prove_ground {
	struct store_reader *reader;
	const struct settings *settings;
	struct check check; /* options, facts and verdicts to judge with */
	struct arena memory;
	struct slice label; /* a word that stands in no rule and no claim */
	struct prove_keys keys[CLAIM_TAGS];
	/*
	 * Whom CLIENT and WHEN name, each once; of more than there is room for
	 * none, and what meets such a rule is not decided.
	 */
	struct prove_keys clients;
	struct slice client[GROUND_CLIENTS_MAX]; /* as written */
	bool many_clients;
	struct prove_issuer *issuers;
	size_t nissuers, issuers_allocated;
	bool peer_names; /* a rule compares a certificate with the client's name */
	struct prove_strings interned;
	struct prove_chain **chains; /* by number of its string */
	size_t chains_allocated;
	char *lines; /* of the chain that is being followed */
	struct text line_text;
	struct prove_chain nobody; /* of who has not logged in */
	uint32_t runs;		   /* through the subjects of a tag */
	const char *unknowable; /* why nothing can be decided, or NULL */
	struct fault fault;
};

/*
 * False: the store cannot be read, or no memory; see the fault.  To be freed in
 * any case.
 */
bool prove_ground_open(struct prove_ground *, struct store_reader *,
    const struct settings *, const struct claim *, size_t nclaims) MUST_CHECK;
void prove_ground_free(struct prove_ground *);

/* What a key is about. */
bool prove_ground_key(struct prove_ground *, const struct key *,
    struct prove_key *) MUST_CHECK NONNULL;

/* A string of the ground's memory; p NULL: none is left, and the fault says so. */
struct slice prove_ground_printf(struct prove_ground *, const char *fmt, ...)
    PRINTF_LIKE(2, 3);

/*
 * The chain of the subject of these facts; NULL: failed.  `narrow` leaves out
 * the second half: the address behind a host name, the domain behind a local
 * part, the port behind a listener's name, and the bare tag.  *final: nothing
 * behind it can count.
 */
struct prove_chain *prove_ground_chain(struct prove_ground *, enum tag,
    const struct facts *, bool narrow, bool *final) MUST_CHECK;

#endif
