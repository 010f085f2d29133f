/*
 * finding.h - what was found wrong, or missing, by those who look: cert, doctor.
 *
 * A kind is a row of its owner's: its word for scripts, and what people are
 * told besides (why it matters, or the way out).  What was seen, where, and the
 * lines that mend it are the finding's.
 *
 * Ownership: a list owns its texts until findings_free(); texts that are too
 * long are cut.  Threads: no state.
 */
#ifndef TLSPOLICY_FINDING_H
#define TLSPOLICY_FINDING_H

#include <stdbool.h>
#include <stddef.h>

#include "policy/base/attribute.h"

struct finding_kind {
	const char *name; /* "postfix-no-milter" */
	const char *advice;
};

enum { FINDING_WHAT_MAX = 1024, FINDING_PLACE_MAX = 4096,
	FINDING_LINES_MAX = 2048, FINDING_THEN_MAX = 1024 };

struct finding {
	const struct finding_kind *kind;
	char place[FINDING_PLACE_MAX]; /* a file, or "run" for commands */
	unsigned number;	/* in that file, from 1; 0: all of it */
	char what[FINDING_WHAT_MAX];
	char lines[FINDING_LINES_MAX]; /* parted by newlines; "": none */
	char then[FINDING_THEN_MAX]; /* commands to run after them, likewise */
};

struct findings {
	struct finding *all;
	size_t n, allocated;
	bool failed; /* memory ran out: the list is not whole */
};

void findings_init(struct findings *) NONNULL;
void findings_free(struct findings *);

/* NULL: out of memory. */
struct finding *findings_add(struct findings *, const struct finding_kind *,
    const char *what, ...) PRINTF_LIKE(3, 4);

/* Copies of all of `from`, behind what is there. */
void findings_take_over(struct findings *, const struct findings *from)
    NONNULL;

/* These take NULL, too, and do nothing then. */
void finding_at(struct finding *, const char *place, unsigned number);
/* The lines that mend it, and where they belong. */
void finding_mend(struct finding *, const char *place, const char *lines, ...)
    PRINTF_LIKE(3, 4);
/* What is to be run once they are there; several calls add up. */
void finding_then(struct finding *, const char *lines, ...) PRINTF_LIKE(2, 3);

#endif
