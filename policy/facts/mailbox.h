/*
 * mailbox.h - an envelope address taken apart.
 *
 * RFC 5321 section 4.1.2: angle brackets, a source route (ignored, as section
 * 3.3 asks), quoted local parts (compared without their quotes), address
 * literals; RFC 6531 for UTF-8.  Compared without regard to case, as
 * sendmail's maps do, and beyond ASCII in the form of unicode.h.
 *
 * Postfix 3.7 with smtputf8_enable folds the case of all letters in what it
 * looks up (u_strFoldCase()), and composes none: a hash: or inline: table
 * gives u-umlaut for its capital, boss for bo and twice U+017F, weiss for wei
 * and U+00DF, nothing for u and U+0308.  Without smtputf8_enable, and in
 * sendmail's maps, only A-Z are folded.  A mail store behind them may do more.
 * A command that is no UTF-8 Postfix refuses, as long as it has smtputf8_enable.
 *
 * What comes from a client is never refused here: what
 * cannot be understood becomes a local part without a domain.
 *
 * Threads: no state.  Ownership: the struct holds its text.  Allocates only for
 * what is not ASCII.
 */
#ifndef TLSPOLICY_MAILBOX_H
#define TLSPOLICY_MAILBOX_H

#include <stdbool.h>

#include "policy/base/domain.h"
#include "policy/base/text.h"

enum { MAILBOX_LOCAL_MAX = 512, MAILBOX_TYPED_MAX = 4096 };

struct mailbox {
	bool null_sender;	/* <> */
	bool local_cut;		/* too long to be in a rule */
	bool user_cut;		/* so is its user */
	bool unread;		/* out of memory: what a part of it is */
	struct slice local;	/* unquoted, in the form of all its spellings */
	struct slice user;	/* local, up to its first + */
	struct slice domain;	/* canonical, or "[192.0.2.1]"; may be empty */
	char local_text[MAILBOX_LOCAL_MAX];
	char domain_text[DOMAIN_TEXT_MAX];
};

/* The slices point into the struct: do not copy it by assignment. */
void mailbox_parse(struct slice address, struct mailbox *) NONNULL;
/* The same without its domain. */
void mailbox_parse_local(struct slice address, struct mailbox *) NONNULL;
/* A mailbox made of the two sides of the @; an empty domain is none. */
void mailbox_make(struct slice local, struct slice domain, struct mailbox *)
    NONNULL;

#endif
