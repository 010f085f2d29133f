/*
 * record-internal.h - a record as it is being written; private to the writer of records.
 *
 * line.c puts down what comes from facts, record.c the rest.
 */
#ifndef TLSPOLICY_AUDIT_RECORD_INTERNAL_H
#define TLSPOLICY_AUDIT_RECORD_INTERNAL_H

#include "policy/audit/jsonput.h"
#include "policy/audit/record.h"

struct line {
	const struct record *record;
	struct jsonput out;
	uint64_t raw; /* bit by fact_id: its field cannot carry it to the byte */
};

#define PUT(l, literal) JSONPUT_LITERAL(&(l)->out, literal)

/* One of our own words, which needs no escaping: bare, or as a value. */
void line_words(struct line *, const char *words) NONNULL;
/* NULL or empty: null. */
void line_word(struct line *, const char *word);
/* Somebody else's text, as a value; an empty one is null. */
void line_slice(struct line *, struct slice) NONNULL;

/* Without <>; the null sender is "<>". */
struct slice line_mailbox(struct slice);

void line_top_facts(struct line *) NONNULL; /* the rows of FIELD_TOP */
void line_facts(struct line *) NONNULL;	    /* all groups but FIELD_TOP */
/* The group FIELD_TLS alone. */
void line_tls(struct line *) NONNULL;
/* The object "plan", if there is one.  record-plan.c */
void line_plan(struct line *) NONNULL;
/* The object "raw", if a fact's field cannot carry it to the byte. */
void line_raw(struct line *) NONNULL;

#endif
