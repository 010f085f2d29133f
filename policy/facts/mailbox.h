/*
 * mailbox.h - an envelope address taken apart.
 *
 * RFC 5321 section 4.1.2: angle brackets, a source route (ignored, as section
 * 3.3 asks), quoted local parts (compared without their quotes), address
 * literals; RFC 6531 for UTF-8.  Compared without regard to case, as
 * sendmail's maps do.  What comes from a client is never refused here: what
 * cannot be understood becomes a local part without a domain.
 *
 * Threads: no state.  Ownership: the struct holds its text.
 */
#ifndef TLSPOLICY_MAILBOX_H
#define TLSPOLICY_MAILBOX_H

#include <stdbool.h>

#include "policy/base/domain.h"
#include "policy/base/text.h"

enum { MAILBOX_LOCAL_MAX = 512 };

struct mailbox {
	bool null_sender;	/* <> */
	bool local_cut;		/* too long to be in a rule */
	bool user_cut;		/* so is its user */
	struct slice local;	/* lower case, unquoted */
	struct slice user;	/* local, up to its first + */
	struct slice domain;	/* canonical, or "[192.0.2.1]"; may be empty */
	char local_text[MAILBOX_LOCAL_MAX];
	char domain_text[DOMAIN_TEXT_MAX];
};

/* The slices point into the struct: do not copy it by assignment. */
void mailbox_parse(struct slice address, struct mailbox *) NONNULL;
/* The same without its domain. */
void mailbox_parse_local(struct slice address, struct mailbox *) NONNULL;
/* Of the two sides of the @; an empty domain is none. */
void mailbox_make(struct slice local, struct slice domain, struct mailbox *)
    NONNULL;

#endif
