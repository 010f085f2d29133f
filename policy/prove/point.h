/*
 * point.h - one session of each kind that thresholds tell apart: its TLS, the
 * names in its certificate, the day.
 *
 * Versions and suites go together as OpenSSL knows them to; any number of bits
 * goes with any suite, and any name with any other.  A session has no TLS, or
 * TLS with or without a verified certificate; under sendmail also a {verify} of
 * TEMP without TLS.  Postfix's fingerprints are told by its feed, or are not.
 *
 * Threads: belongs to one.  Ownership: slices are the ground's or the rules'.
 */
#ifndef TLSPOLICY_PROVE_POINT_H
#define TLSPOLICY_PROVE_POINT_H

#include "policy/prove/ground.h"
#include "policy/prove/threshold.h"

enum { POINT_VALUES_MAX = 4 * THRESHOLD_VALUES_MAX, POINT_NAMES = 6 };

_Static_assert(DIALECT_COUNT == 2, "point.c has the states of each MTA");

struct prove_state {
	enum dialect_id mta;
	bool verified;
	bool logged_in; /* only who has logged in can have so many bits */
	unsigned wild;	/* 1 << name: it can be any that is worth a look */
	const char *version, *cipher, *verify; /* NULL: not told */
	char bits[8], ssf[8]; /* "": not told */
};

/* p NULL: absent; a CN that is empty is the client's name. */
struct prove_point_names {
	unsigned n;
	struct slice value[POINT_VALUES_MAX]; /* as sendmail spells them */
	struct slice plain[POINT_VALUES_MAX];
};

struct prove_points {
	struct prove_state *states;
	size_t nstates, allocated;
	/* Of subject CN, issuer CN, subject, issuer, certificate's and key's
	   fingerprint. */
	struct prove_point_names names[POINT_NAMES];
	unsigned ndays;
	int32_t days[THRESHOLD_VALUES_MAX];
};

enum prove_handshake { HANDSHAKE_DONE, HANDSHAKE_FAILED };

/* False: see the ground's fault, or its `unknowable`. */
bool prove_points_make(struct prove_ground *, const struct claim *,
    const struct prove_threshold *, enum prove_handshake,
    struct prove_points *) MUST_CHECK NONNULL;
void prove_points_free(struct prove_points *);

/* In how many ways the names of a state can be. */
size_t prove_points_names(const struct prove_points *,
    const struct prove_state *) NONNULL;
/* Puts one of them into the session, whose client is there. */
void prove_points_put(const struct prove_points *, const struct prove_state *,
    size_t names, struct prove_session *) NONNULL;

/*
 * Values that a name of a rule is told by: itself, and with a wildcard what it
 * stands for.  `add` returns false to stop.
 */
bool prove_point_forms(struct prove_ground *, struct slice name,
    bool (*add)(void *, struct slice), void *arg) MUST_CHECK NONNULL;

#endif
