/* verify-internal.h - private to the files of verify.h. */
#ifndef TLSPOLICY_VERIFY_INTERNAL_H
#define TLSPOLICY_VERIFY_INTERNAL_H

#include "policy/audit/verify.h"

struct verify_place {
	struct verification *v;
	const char *path;
	const struct verify_lines *lines;
	void *file;		 /* of `lines` */
	uint64_t line;
	bool linked;		 /* the file's first sealed line was seen */
	struct chain_head start; /* at the start of the file */
	/* What the file before was sealed with at its end. */
	char key[CHAIN_ID + 1];
	uint64_t epoch;
	struct fault *fault;
	bool failed; /* it could not be computed, with a fault */
};

static inline enum source_result
verify_next(struct verify_place *p, struct verify_line *line,
    struct fault *fault)
{
	return p->lines->next(p->file, line, fault);
}

/*
 * What cannot be computed is no sign that a line was changed.  verify_failed()
 * returns false, with a fault.
 */
bool verify_has_failed(const struct verification *) MUST_CHECK NONNULL;
bool verify_failed(struct verify_place *) NONNULL;

/* How a line does not fit.  They return false, with v->kind and the rest set. */
bool verify_broken(struct verify_place *, enum verify_break, const char *what)
    NONNULL;
/* A sealed line whose number is not the next, in front of `next`. */
bool verify_out_of_sequence(struct verify_place *, const struct chain_line *,
    struct slice next) NONNULL;
/* The sealed line at place->line does not fit: why? */
bool verify_diagnose(struct verify_place *, const struct chain_line *) NONNULL;
/* Lines without a chain, and no mark that says that they were torn. */
bool verify_not_acknowledged(struct verify_place *, struct slice line) NONNULL;
/* The link is not to where the file before ended. */
bool verify_not_linked(struct verify_place *, uint64_t seq) NONNULL;
/* The noted head was not found: is its line missing, and where? */
bool verify_without_head(struct verify_place *) NONNULL;
/* False: lines that checkpoints have signed are missing at the end. */
bool verify_agreed(struct verify_place *) NONNULL;
/* Nothing is wrong with what could be looked at. */
bool verify_not_read(struct verify_place *) NONNULL;

/*
 * The key of the file that begins with this sealed line, behind `before`.  Sets
 * chain, key, is_unread and is_plain.
 */
void verify_choose_key(struct verification *, const char *path,
    struct slice line, const struct chain_line *, const char *before) NONNULL;

/*
 * Is the link's epoch the one that comes next?  `follows`: there are lines
 * before it.  False: it is broken.
 */
bool verify_link_epoch(struct verify_place *, const struct chain_link *,
    bool follows) NONNULL;
/*
 * Sets the chain to v->key and v->epoch again, as others may have used it
 * since.
 */
void verify_resume_key(struct verification *) NONNULL;
/* Behind a line that was found to be good: does it end its epoch? */
bool verify_end_epoch(struct verify_place *, struct slice line) NONNULL;

#endif
