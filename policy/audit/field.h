/*
 * field.h - which fact stands in which field of an audit record.
 *
 * The writer and the reader both live off this table, so that what is written
 * is read back.  To add a field: a row here, a line in tlspolicy-audit(5); the
 * order of rows is that of the line.
 *
 * A fact that is known is a string (or a number where the row says so and the
 * text is one), absent is null, not told is left out.  An object that may be
 * null says by null that all its facts are in the state in which this MTA
 * leaves them when there is nothing to tell (field_state_when_nothing).
 * What that cannot carry to the byte is in the object "raw".
 *
 * Threads: constant data only.
 */
#ifndef TLSPOLICY_FIELD_H
#define TLSPOLICY_FIELD_H

#include <string.h>

#include "policy/audit/person.h"
#include "policy/facts/facts.h"

enum field_group {
	FIELD_TOP,
	FIELD_CLIENT,
	FIELD_DAEMON,
	FIELD_AUTH, /* null when nobody logged in */
	FIELD_TLS,  /* null when the session was in clear */
	FIELD_GROUPS
};

enum field_kind { FIELD_TEXT, FIELD_NUMBER, FIELD_MAILBOX };

enum { FIELD_INTRO_MAX = 24 };

struct field {
	const char *name; /* "issuer_cn" */
	char intro[FIELD_INTRO_MAX]; /* ",\"issuer_cn\":" */
	unsigned char intro_n;
	enum field_group group;
	enum fact_id fact;
	enum field_kind kind;
	enum person_kind person; /* whose it may be */
};

/* `name` is the field's. */
static inline bool
field_is(const struct field *f, struct slice name)
{
	return name.n + sizeof ",\"\":" - 1 == f->intro_n &&
	    memcmp(name.p, f->name, name.n) == 0;
}

/* The rows of a group follow one another; the end has name NULL. */
const struct field *field_table(void);
/* The first row of a group. */
const struct field *field_group(enum field_group);
/* "client"; NULL for FIELD_TOP. */
const char *field_group_name(enum field_group);

/*
 * Is the fact's value a decoded one, from which the MTA's own spelling is had
 * by encoding?  The same rows as in macro.h have xtext.
 */
bool field_is_encoded(enum dialect_id, enum fact_id);

/*
 * text_put_xencoded() in a table, for speed: the bytes that stand for
 * themselves, and the whole of it into `out`, which has room for three times
 * as many bytes.  Returns how many it took.
 */
extern const bool field_plain_byte[256];
size_t field_encode(struct slice value, char *out) NONNULL;

/*
 * NOT_TOLD or ABSENT; also KNOWN for {verify} that is made of other macros: it
 * is then NONE.
 */
enum fact_state field_state_when_nothing(enum dialect_id, enum fact_id);

#endif
