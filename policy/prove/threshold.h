/*
 * threshold.h - the values at which rules and claims tell sessions apart.
 *
 * The table in threshold.c says of each item of a requirement what it looks at.
 * An item without a row is not known here: a claim that meets a rule with it
 * cannot be decided, and that is what is said.
 *
 * Threads: plain data.  Ownership: slices point into the requirements.
 */
#ifndef TLSPOLICY_PROVE_THRESHOLD_H
#define TLSPOLICY_PROVE_THRESHOLD_H

#include "policy/prove/claim.h"
#include "policy/rules/item.h"

/* What an item of a requirement looks at. */
enum prove_dimension {
	DIMENSION_UNKNOWN, /* threshold.c has no row for the item */
	DIMENSION_NONE,	   /* nothing: BY, MSG */
	DIMENSION_DAY,
	DIMENSION_CN,	   /* those from here have values that are names */
	DIMENSION_ICN,
	DIMENSION_CS,
	DIMENSION_CI,
	DIMENSION_FP,
	DIMENSION_PKFP,
	DIMENSION_CITAG,
	DIMENSION_CIPHER,
	DIMENSION_VERSION,
	DIMENSION_SUITE,
	DIMENSION_CLIENT,  /* see prove_ground's clients */
	DIMENSION_COUNT
};

enum prove_dimension prove_threshold_of(enum item_id);
/*
 * A line with dates or WHEN: for some sessions the search passes it over, and
 * goes on to the lines behind.
 */
bool prove_threshold_is_limited(const struct requirement *) NONNULL;

enum { THRESHOLD_VALUES_MAX = 64 };

struct prove_values {
	unsigned n;
	struct slice value[THRESHOLD_VALUES_MAX];
};

struct prove_threshold {
	/* By dimension; of CN the empty value is the client's name. */
	struct prove_values values[DIMENSION_COUNT];
	unsigned nbits, ndays;
	unsigned bits[THRESHOLD_VALUES_MAX]; /* at least so many: ascending */
	int32_t days[THRESHOLD_VALUES_MAX]; /* with which something begins */
	unsigned versions; /* 1 << suite_protocol(): at least this one */
	bool peer_name;	   /* CN without a value */
	bool authenticated, pfs, aead;
	bool clients;	   /* CLIENT or WHEN */
	enum item_id unknown; /* ITEM_COUNT: none */
	bool beyond;	   /* more values than there is room for */
};

void prove_threshold_start(struct prove_threshold *, const struct claim *)
    NONNULL;
/* False with a fault when it cannot be read. */
bool prove_threshold_add(struct prove_threshold *, enum tag,
    struct slice requirement, struct fault *) MUST_CHECK NONNULL;

#endif
