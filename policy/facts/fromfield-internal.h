/*
 * fromfield-internal.h - the tokens of a From field, and what stands around
 * each @; private to its reading.
 *
 * Threads: no state.
 */
#ifndef TLSPOLICY_FACTS_FROMFIELD_INTERNAL_H
#define TLSPOLICY_FACTS_FROMFIELD_INTERNAL_H

#include "policy/facts/fromfield.h"
#include "policy/facts/spelling.h"

enum fromfield_token {
	TOKEN_END,
	TOKEN_ATOM, /* also an encoded word with dots in it */
	TOKEN_QUOTED,
	TOKEN_LITERAL,
	TOKEN_OTHER /* one of <>@,;:. or, where the grammar has none, )]\ */
};

struct fromfield_tokens {
	struct slice s;
	size_t at;
	struct slice token;	  /* the text of the latest */
	enum fromfield_flaw flaw; /* the first that was noted */
};

enum fromfield_token fromfield_next(struct fromfield_tokens *) NONNULL;
void fromfield_note(struct fromfield_tokens *, enum fromfield_flaw) NONNULL;

/* Blanks and the line breaks of folding; other line breaks part fields. */
bool fromfield_is_white(char);
/* Ends an atom. */
bool fromfield_is_special(char);
/* "=?utf-8?q?Joe?=" decoded could be any address (RFC 2047, section 5). */
bool fromfield_is_encoded(struct slice atom);
/* A blank beyond ASCII, which some readers take for one. */
bool fromfield_is_space(uint32_t code);

/* A walk along a field; begins with all zero but the field. */
struct fromfield_candidates {
	struct slice s;
	size_t at;
	unsigned way; /* how this @ is read, a way after the other */
	size_t last_n;
	char last[SPELLING_ADDRESS_MAX];
};

/*
 * What could be an address, into `out`, which has room for no more than the
 * walk remembers; out->cut: it is longer.  False: there is no other.
 */
bool fromfield_candidate_next(struct fromfield_candidates *, struct text *out)
    MUST_CHECK NONNULL;

#endif
