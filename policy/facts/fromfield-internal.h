/*
 * fromfield-internal.h - the tokens of a From field; private to its reading.
 *
 * Threads: no state.
 */
#ifndef TLSPOLICY_FACTS_FROMFIELD_INTERNAL_H
#define TLSPOLICY_FACTS_FROMFIELD_INTERNAL_H

#include "policy/facts/fromfield.h"

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

/* Line breaks of folding are blanks here; others part fields. */
bool fromfield_is_white(char);
/* Ends an atom. */
bool fromfield_is_special(char);
/* "=?utf-8?q?Joe?=" decoded could be any address (RFC 2047, section 5). */
bool fromfield_is_encoded(struct slice atom);

#endif
