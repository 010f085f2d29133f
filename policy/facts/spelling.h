/*
 * spelling.h - every mailbox that an envelope address can stand for.
 *
 * The same mailbox is written a@b.example, b.example!a, a%b.example,
 * @c.example:a@b.example, Joe <a@b.example>, a(c)@b.example and, where b.example
 * is local, a.  MTAs undo all of these, each in its own way; so the address as
 * typed and what the MTA made of it are both taken apart here, and where they
 * can be read in two ways, in both.
 *
 * Cannot know aliases, virtual maps and masquerading: they are applied behind
 * a milter.
 *
 * Threads: no state.  Allocates only for what is not ASCII.
 */
#ifndef TLSPOLICY_SPELLING_H
#define TLSPOLICY_SPELLING_H

#include "policy/facts/facts.h"
#include "policy/facts/mailbox.h"

enum {
	SPELLINGS_MAX = 32,
	SPELLING_DEPTH_MAX = 16,
	SPELLING_ADDRESS_MAX = MAILBOX_TYPED_MAX /* bytes of one address */
};

struct spellings {
	unsigned n;  /* at least 1 */
	bool beyond; /* there are more, or the address is too long */
	struct mailbox form[SPELLINGS_MAX];
};

/*
 * `resolved` is what the MTA made of `typed`; empty: the same or not told.
 * `local_domains`, parted by blanks or commas, are behind every address that
 * has none.  `node` is the MTA's own name for a recipient, whose mailbox is the same
 * at each local name, and empty for a sender, whose reply goes to what was typed.
 * The slices point into the struct: do not copy it.
 */
void spellings_find(struct slice typed, struct slice resolved,
    struct slice local_domains, struct slice node, struct spellings *) NONNULL;

/*
 * The sender as reports group by it: what the MTA made of the address, or what
 * the last of its spellings is.
 */
void spelling_sender(const struct facts *, struct mailbox *) NONNULL;

/*
 * Where the comment that begins at `i` is closed; it may hold others.  s.n: it
 * never is, and behind it there is nothing.
 */
size_t spelling_comment_end(struct slice s, size_t i);

/*
 * The domains that complete an address: those of the setting, or where it is
 * empty {j} and its parent domain if that has a dot.  Into `out`.
 */
void spelling_local_domains(const struct facts *, const char *setting,
    struct text *out);

#endif
