/*
 * record-internal.h - a record as it is being written; private to the writer of records.
 *
 * record-line.c puts down what comes from facts, record.c the rest; both leave
 * what may be somebody's to record-people.c.
 */
#ifndef TLSPOLICY_AUDIT_RECORD_INTERNAL_H
#define TLSPOLICY_AUDIT_RECORD_INTERNAL_H

#include "policy/audit/field.h"
#include "policy/audit/jsonput.h"
#include "policy/audit/record.h"

struct line {
	const struct record *record;
	struct jsonput out;
	uint64_t raw; /* bit by fact_id: its field cannot carry it to the byte */
	struct person_hiding *hiding; /* NULL: nothing is hidden */
	bool certificate; /* the client's is a person's, with `hiding` */
	bool self_issued; /* and its issuer is the same one */
};

#define PUT(l, literal) JSONPUT_LITERAL(&(l)->out, literal)

/* One of our own words, which needs no escaping: bare, or as a value. */
void line_words(struct line *, const char *words) NONNULL;
/* NULL or empty: null. */
void line_word(struct line *, const char *word);
/* Somebody else's text, as a value; an empty one is null. */
void line_slice(struct line *, struct slice) NONNULL;

void line_top_facts(struct line *) NONNULL; /* the rows of FIELD_TOP */
void line_facts(struct line *) NONNULL;	    /* all groups but FIELD_TOP */
/* The group FIELD_TLS alone. */
void line_tls(struct line *) NONNULL;
/* The object "plan" of a record that has one.  record-plan.c */
void line_plan(struct line *) NONNULL;
/* The object "raw", if a fact's field cannot carry it to the byte. */
void line_raw(struct line *) NONNULL;

/* record-people.c: without <>; the null sender is "<>". */
struct slice line_mailbox(struct slice);
/* Whom the record is about; `hiding` NULL: all is shown. */
void line_people(struct line *, const struct facts *, struct person_hiding *);
/* The day of the salts; nothing when nothing is hidden. */
void line_privacy(struct jsonput *, const struct person_hiding *);
/* A value as others may see it.  False: not to the byte. */
bool line_person(struct jsonput *, struct person_hiding *, enum person_kind,
    struct slice value);
/* Is the fact of this row hidden?  Then it is put down, to the byte. */
bool line_hides(struct line *, const struct field *) NONNULL;

/*
 * Does the rule tell of a person?  Then its key and requirement are put down,
 * and its line, `number`, is not to be told.
 */
bool line_rule(struct jsonput *, struct person_hiding *, bool certificate,
    struct slice key, struct slice requirement, uint32_t number);
/* The same for what a client was told. */
bool line_hides_reply(struct line *, const struct reply *) NONNULL;

#endif
