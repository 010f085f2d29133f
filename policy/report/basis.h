/*
 * basis.h - what a report rests on: whose records, under which generations of
 * the policy, and on which days there are none.
 *
 * Of all records of the time that is asked for, whatever domain the report is
 * of: a day without any is one of which the report cannot speak.  Whether the
 * chain is whole is not looked at here.
 *
 * Limits: BASIS_NODES_MAX nodes, the rest are one without a name.
 * Ownership: copies what it keeps.  Threads: one.
 */
#ifndef TLSPOLICY_REPORT_BASIS_H
#define TLSPOLICY_REPORT_BASIS_H

#include <stdio.h>

#include "policy/fleet/fleet.h"

enum { BASIS_NODES_MAX = 256 };

/* Whole numbers in order, each once. */
struct basis_set {
	int64_t *list;
	size_t n, room;
};

struct basis_node {
	char *name; /* "": not told, or one of too many */
	uint64_t records;
	struct basis_set generations; /* none of a mail log */
	struct basis_set days;	      /* since 1970, with records */
	int64_t first_us, last_us;    /* of records */
};

struct basis {
	/* Set by the caller: what was asked for, clipped to the past. */
	int64_t since, until; /* INT64_MIN, INT64_MAX: as the records are */
	/* ... and when all was read: */
	uint64_t files, unread, lines, torn, bad, withdrawn, unrecorded;

	struct basis_node *nodes; /* by name when finished */
	size_t n;
	struct basis_set days; /* of all nodes */
	struct fleet fleet;    /* what logs say of nodes, of all times */
	bool failed;	       /* out of memory */
};

void basis_init(struct basis *);
void basis_free(struct basis *);

/* False: out of memory. */
bool basis_add(struct basis *, const struct reader_record *) MUST_CHECK;
bool basis_look(struct basis *, const struct fleet_line *) MUST_CHECK;
void basis_finish(struct basis *);

/* From the first to the last day; false: there is none. */
bool basis_span(const struct basis *, int64_t *first, int64_t *last);
/* The next days of the span that are not in `days`; *at is 0 at first. */
bool basis_gap(const struct basis *, const struct basis_set *days, size_t *at,
    int64_t *from, int64_t *to);
uint64_t basis_missing(const struct basis *, const struct basis_set *days);
/* "2026-10-01 to 2026-10-03, 2026-11-07 and 12 days more"; "none". */
void basis_put_missing(const struct basis *, const struct basis_set *days,
    struct text *);
/* "1, 3 to 5" */
void basis_put_generations(const struct basis_set *, struct text *);

#endif
