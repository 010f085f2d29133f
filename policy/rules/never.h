/*
 * never.h - what can never match, and what can never hold.
 *
 * The grammar takes keys that no session can be looked up by, such as
 * "*.example.com", and requirements that nothing meets, such as two different
 * names for one certificate.  A rule of that kind protects nobody, or refuses
 * everybody, and looks as if it did what was meant: it stops a build.
 *
 * One check, one row of the table in never.c, with what is wrong; its test
 * finds the piece and writes down what was probably meant.  The test looks at
 * the rule alone; what only the whole file shows is rulefile-finish.c's.
 * Only what is certain stands here: what is merely unlikely is lint's.
 *
 * sendmail takes some of these without harm (a line of its map that is never
 * found).  With compat = sendmail such rows leave it to lint to tell of them,
 * so that an access map can be taken over as it is.
 *
 * To add a check: its test in never-key.c, -whole.c or -item.c, a row in never.c,
 * a paragraph with an example in tlspolicy-rules(5), which t/809-never.t tries.
 *
 * Threads: no state.
 */
#ifndef TLSPOLICY_NEVER_H
#define TLSPOLICY_NEVER_H

#include "policy/base/fault.h"
#include "policy/base/netaddr.h"
#include "policy/rules/requirement.h"

enum { NEVER_TEXT_MAX = 384 };

/* A rule under test, and what the test has found. */
struct never {
	enum tag tag;
	struct slice what;		/* the key as written, without tag */
	size_t at;	/* of the @ before its domain, or what.n */
	unsigned there;	/* of enum never_character */
	bool parsed; /* the host, or the domain, by netprefix_parse(): */
	enum netprefix_result result;
	struct netprefix network;
	const struct requirement *requirement; /* NULL: the key is tested */
	struct slice found;		/* the piece: of the key, of an item */
	struct slice proposed;		/* the key in `meant`, if any */
	struct text meant;		/* what to write instead */
	char meant_text[NEVER_TEXT_MAX];
	bool no_memory;	/* the test could not look */
};

/* What a row is about, a bit each: a key of what, or a requirement. */
enum {
	NEVER_HOST = 1, NEVER_MAIL = 2,
	NEVER_LOGIN = 4, NEVER_LISTENER = 8,
	NEVER_ISSUER = 16, NEVER_ITEMS = 32
};

/* What a key has in it, or a requirement, a bit each. */
enum never_character {
	NEVER_DIGIT = 1,
	NEVER_AT = 2,
	NEVER_COLON = 4,
	NEVER_QUOTE = 8,
	NEVER_ANGLE = 16,
	NEVER_BRACKET = 32,
	NEVER_DASH = 64,
	NEVER_PERCENT = 128,
	NEVER_SIGN = 256, /* , ; | * ? \ ^ $ { } ( ) / */
	NEVER_KEY = 512, /* every key has it */
	NEVER_PLUS = 1024, /* a value with a + */
	NEVER_NAME = 2048, NEVER_CLIENT = 4096, NEVER_CIPHER = 8192 /* items */
};

struct never_row {
	const char *name;
	unsigned about;
	bool sendmail_takes_it; /* with compat = sendmail only lint tells */
	unsigned needs; /* characters: a key with none of them is not tested */
	bool (*test)(struct never *);
	const char *why;
};

/* All rows; the end has name NULL. */
const struct never_row *never_table(void);
/* Which of enum never_character stand in a key, and in a requirement. */
unsigned never_characters(struct slice);
unsigned never_items(const struct requirement *) NONNULL;

/*
 * The first row that the key, or the requirement, falls under; NULL: none.
 * `as_sendmail` passes over the rows that sendmail takes.
 */
const struct never_row *never_key(struct never *, enum tag,
    struct slice what, bool as_sendmail);
const struct never_row *never_requirement(struct never *, enum tag,
    const struct requirement *, bool as_sendmail) NONNULL;

/* "X can never match: WHY; MEANT".  Returns false. */
bool never_fault(const struct never *, const struct never_row *,
    struct fault *) NONNULL;

/* The tests that the rows name: of keys, then of items (never-item.c). */
typedef bool never_test(struct never *);
never_test never_unnamed, never_recipient, never_angles, never_list,
    never_range, never_zone, never_pattern, never_port, never_mail_of_host,
    never_nobody, never_quotes, never_specials, never_brackets,
    never_address, never_no_peer, never_mail_domain, never_name,
    never_converted, never_listener_port, never_issuer;
never_test never_misspelt_item, never_cut_name, never_swallowed,
    never_stand_in, never_nul, never_no_dn, never_no_suite;

/* Offset of the @ before the domain of an address, or its length. */
size_t never_at(struct slice);
/* No address; any letter beyond ASCII passes, as never_converted() looks. */
bool never_host_name(struct slice);
/* The host, or the domain behind the @, is a network, however badly written. */
bool never_is_network(struct never *) NONNULL;

/* For lint: an item's name stands behind a single + in `value`. */
bool never_item_inside(struct slice value, struct slice *item) NONNULL;

#endif
