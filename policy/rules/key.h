/*
 * key.h - the left side of a rule, and the bytes under which it is stored.
 *
 * The bytes are made so that "the most specific rule" is a neighbour in sorted
 * order: names with their labels in reverse, addresses before prefix lengths.
 * See store/search.h for the walk.
 *
 * Threads: no state.  Ownership: a key holds its bytes.
 */
#ifndef TLSPOLICY_KEY_H
#define TLSPOLICY_KEY_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/base/fault.h"
#include "policy/base/netaddr.h"
#include "policy/rules/tag.h"

enum key_kind {
	KEY_BARE,    /* the tag alone */
	KEY_NAME,    /* host or domain name; longest wins */
	KEY_BRACKET, /* "[192.0.2]": prefix of an address literal; longest wins */
	KEY_ADDRESS, /* network prefix; longest wins */
	KEY_MAILBOX, /* user@domain, user+*@domain, user@, <> */
	KEY_WORD,    /* identity, listener */
	KEY_ISSUER,  /* "myca:/c=de/..." */
	KEY_KIND_COUNT
};

enum { KEY_MAX = 500, KEY_TEXT_MAX = 480 }; /* LMDB takes keys of 511 bytes */

struct key {
	enum tag tag;
	enum key_kind kind;
	bool final_dot; /* a host name written with a dot at its end */
	size_t n;
	unsigned char bytes[KEY_MAX]; /* tag + 1, kind, then the sorted form */
};

/*
 * Parse "TLS_Clt:example.com".  `text` has no blanks around it.  On failure
 * the fault's column is the offset of the offending part plus 1.
 * A key without a tag is FAULT_DATA here; see key_is_untagged().
 */
bool key_parse(struct slice text, struct key *, struct fault *)
    MUST_CHECK NONNULL;

/*
 * True when `text` begins with no tag: "host" in "host ENCR:112", short for
 * the same rule of TLS_Clt and TLS_Srv (the MirBSD starttls(8) page).
 */
bool key_is_untagged(struct slice text);

/* The key of `what` (already taken from its tag) under `tag`. */
bool key_of(enum tag, struct slice what, struct key *, struct fault *)
    MUST_CHECK NONNULL;
/* The key of an issuer's row: Tag and DN, both in any case. */
bool key_of_issuer(struct slice tag, struct slice dn_encoded, struct key *)
    MUST_CHECK NONNULL;
/*
 * The key of the profile that AS:name names; false: too long to be in any rule.
 */
bool key_profile(struct slice name, struct key *) NONNULL;

/* For looking up; `bits` of a prefix, names in canonical form. */
void key_bare(enum tag, struct key *) NONNULL;
void key_name(enum tag, struct slice canonical, bool subdomains, struct key *)
    NONNULL;
void key_address(enum tag, enum key_kind, const struct netaddr *, unsigned bits,
    struct key *) NONNULL;
/*
 * A word's key, in the form of unicode.h.  False: too long to be in any rule.
 */
bool key_word(enum tag, enum key_kind, struct slice, struct key *) NONNULL;

/* Bytes before the sorted form. */
enum { KEY_HEAD = 2 };
/* The tag of stored bytes. */
enum tag key_bytes_tag(struct slice bytes);

/* Are these, as written, spellings of one key? */
bool key_same(struct slice, struct slice);

/* A stored key as people write it, "TLS_Clt:example.com". */
void key_print(const struct key *, struct text *) NONNULL;

#endif
