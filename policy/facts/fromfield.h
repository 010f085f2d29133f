/*
 * fromfield.h - whom a message says that it is from: its From fields.
 *
 * RFC 5322 section 3.6.2 with what is obsolete in it (section 4), groups
 * (RFC 6854), encoded words in names (RFC 2047), UTF-8 (RFC 6532).  Several
 * fields are one text, parted by a line break that no blank follows.
 *
 * What is not in that grammar is read in different ways by those who read mail:
 * it has a flaw, and all that anybody could take for an address counts beside
 * it.  Display names and comments are not looked at where the grammar holds: an
 * address in one is a name.
 *
 * Threads: no state.  Neither allocates nor locks, but for fromfield_put().
 */
#ifndef TLSPOLICY_FROMFIELD_H
#define TLSPOLICY_FROMFIELD_H

#include "policy/facts/facts.h"

enum {
	FROMFIELD_BYTES_MAX = 32 * 1024, /* of all fields */
	FROMFIELD_MAILBOXES_MAX = 1000,
	/* What fromfield_read() can write of a text of `n` bytes. */
	FROMFIELD_ROOM = 12
};

/* Why it cannot be told whom a message is from, or not all of them. */
enum fromfield_flaw {
	FROMFIELD_FINE,
	FROMFIELD_ABSENT,   /* no From field */
	FROMFIELD_EMPTY,    /* no mailbox in it, as in an empty group */
	FROMFIELD_OPEN,	    /* a quote, comment or bracket without end */
	FROMFIELD_BYTES,    /* control characters, or not UTF-8 */
	FROMFIELD_ENCODED,  /* an encoded word where an address stands */
	FROMFIELD_GRAMMAR,
	FROMFIELD_TOO_LONG,
	FROMFIELD_TOO_MANY,
	FROMFIELD_UNSEEN,   /* header fields were not asked for */
	FROMFIELD_FLAWS
};

/* For records: "no-field"; empty for FINE. */
const char *fromfield_word(enum fromfield_flaw);
/* For people: "no From field". */
const char *fromfield_text(enum fromfield_flaw);
/* False: no such word. */
bool fromfield_by_word(struct slice, enum fromfield_flaw *) MUST_CHECK NONNULL;

/*
 * The mailboxes of the fields, each once and on a line of its own, into `out`,
 * which has room for FROMFIELD_ROOM * (n + 1) bytes.  Of several flaws the first.
 */
enum fromfield_flaw fromfield_read(struct slice fields, struct text *out)
    NONNULL;

/*
 * fromfield_read() into the facts FACT_HEADER_FROM and FACT_HEADER_FLAW. p ==
 * NULL: there was no field.  False: out of memory.
 */
bool fromfield_put(struct facts *, struct slice fields) MUST_CHECK NONNULL;
/*
 * Puts the flaw of a header that was not looked at: FROMFIELD_UNSEEN,
 * _TOO_LONG.
 */
bool fromfield_put_flaw(struct facts *, enum fromfield_flaw)
    MUST_CHECK NONNULL;

#endif
