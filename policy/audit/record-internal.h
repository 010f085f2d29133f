/*
 * record-internal.h - a record as it is being written; private to record.h.
 *
 * field.c puts down what comes from facts, record.c the rest; with `hiding`
 * both leave what may be somebody's to record-people.c.
 */
#ifndef TLSPOLICY_AUDIT_RECORD_INTERNAL_H
#define TLSPOLICY_AUDIT_RECORD_INTERNAL_H

#include "policy/audit/field.h"
#include "policy/audit/record.h"

#define PUT(r, literal) JSONPUT_LITERAL(&(r)->out, literal)

/* One of our own words, which needs no escaping: bare, or as a value. */
static inline void
line_words(struct record *r, const char *words)
{
	jsonput_slice(&r->out, slice_of(words));
}

/* NULL or empty: null. */
static inline void
line_word(struct record *r, const char *word)
{
	if (word == NULL || *word == '\0') {
		PUT(r, "null");
		return;
	}
	PUT(r, "\"");
	line_words(r, word);
	PUT(r, "\"");
}

/* Somebody else's text, as a value; an empty one is null. */
static inline void
line_slice(struct record *r, struct slice s)
{
	jsonput_string_or_null(&r->out, s);
}

/* Without <>; the null sender is "<>". */
static inline struct slice
line_mailbox(struct slice s)
{
	if (s.n > 2 && s.p[0] == '<' && s.p[s.n - 1] == '>' &&
	    s.p[1] != '<' && s.p[s.n - 2] != '>')
		return slice_make(s.p + 1, s.n - 2);
	return s.n == 0 ? slice_of("<>") : s;
}

void field_put_top(struct record *) NONNULL; /* the rows of FIELD_TOP */
void field_put_groups(struct record *) NONNULL; /* all the others */
void field_put_tls(struct record *) NONNULL; /* the group FIELD_TLS alone */
/* The object "raw", if a fact's field cannot carry it to the byte. */
void field_put_raw(struct record *) NONNULL;

/* The object "plan" of a record that has one.  record-plan.c */
void line_plan(struct record *) NONNULL;

/*
 * record-people.c, all of it with `hiding` only.  Whom the record is about; the
 * day of the salts.
 */
void line_people(struct record *) NONNULL;
void line_privacy(struct jsonput *, const struct person_hiding *) NONNULL;
/* Puts a mailbox as others may see it.  False: not to the byte. */
bool line_hides_mailbox(struct record *, struct slice value) NONNULL;
/* Is the fact of this row hidden?  Then it is put down, to the byte. */
bool line_hides(struct record *, const struct field *) NONNULL;
/*
 * Does the rule tell of a person?  Then its key and requirement are put down,
 * and its line, `number`, is not to be told.
 */
bool line_rule(struct jsonput *, struct person_hiding *, bool certificate,
    struct slice key, struct slice requirement, uint32_t number) NONNULL;
/* What a client was told. */
void line_hides_reply(struct record *, const struct reply *) NONNULL;

#endif
