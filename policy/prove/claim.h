/*
 * claim.h - a claim of tlspolicy-claims(5): some sessions, and what must be so.
 *
 *     from bank.example in clear is never accepted
 *     to payroll@example.org always verified
 *     client 192.0.2.0/24 with PFS since 2027-04-01 is never refused
 *
 * A claim is held against the facts that the judge sees.  What is weak includes
 * what is weaker or not known: a session in clear has no forward secrecy, and
 * neither has one with a suite that OpenSSL does not know.
 *
 * Threads: plain data.  Ownership: slices point into the parsed text, which must
 * outlive the struct.
 */
#ifndef TLSPOLICY_PROVE_CLAIM_H
#define TLSPOLICY_PROVE_CLAIM_H

#include "policy/facts/facts.h"
#include "policy/rules/key.h"

enum { CLAIM_CONDITIONS_MAX = 12, CLAIM_TAGS = TAG_HEADER + 1 };

/* The weak side of a condition; `not` means the strong one. */
enum claim_weakness {
	WEAK_CLEAR,	 /* neither TLS nor a layer of AUTH */
	WEAK_UNVERIFIED, /* {verify} is neither OK nor TRUSTED */
	WEAK_BITS,	 /* fewer than `number` */
	WEAK_VERSION,	 /* before the protocol `number`, or none that is known */
	WEAK_NO_PFS,	 /* as the items of these names see it */
	WEAK_NO_AEAD,
	WEAK_ANONYMOUS,
	WEAK_COUNT
};

struct claim_condition {
	enum claim_weakness weakness;
	bool not;
	unsigned number; /* bits, or of suite_protocol() */
};

/* What becomes of a message, from the mildest; WARN is accepted. */
enum claim_level { LEVEL_ACCEPTED, LEVEL_HELD, LEVEL_REFUSED, LEVEL_COUNT };

struct claim_who {
	bool given;
	struct key key; /* as that of a rule */
};

struct claim {
	struct slice text;
	struct claim_who who[CLAIM_TAGS]; /* by tag, those of mail that comes in */
	bool without_auth, not_exempt;
	bool one_mta; /* under `mta` only */
	enum dialect_id mta;
	unsigned nconditions;
	struct claim_condition condition[CLAIM_CONDITIONS_MAX];
	int32_t first, last; /* days */
	unsigned bad; /* 1 << LEVEL_...: what no such session may come to */
};

/*
 * `text`: a line without its comment.  `today` is the first day of a claim that
 * names none.  On failure the fault's column is the offset of what is wrong plus
 * 1, and its text says what was expected.  `as_sendmail`: see never.h.
 */
bool claim_parse(struct slice text, int32_t today, bool as_sendmail,
    struct claim *, struct fault *) MUST_CHECK NONNULL;

/* The claim speaks of a session in this condition. */
bool claim_conditions_hold(const struct claim *, const struct facts *) NONNULL;

#endif
