/*
 * scan.h - reading one JSON text in one pass, strictly and in place.
 *
 * For millions of lines of the audit log, where a JSON library spends its time
 * on building objects.  The caller asks for what it expects; the first thing
 * that is something else makes the scan fail and stay failed, with the place
 * and what was expected.
 *
 * Limits: RFC 8259, but no fractions, no exponents and no negative numbers,
 * of which the log has none; nesting up to SCAN_DEPTH_MAX.
 *
 * Ownership: strings without escapes point into the text, others into the
 * arena.  Threads: a scan belongs to one.
 */
#ifndef TLSPOLICY_SCAN_H
#define TLSPOLICY_SCAN_H

#include <stdint.h>
#include <string.h>

#include "policy/base/arena.h"
#include "policy/base/text.h"

enum { SCAN_DEPTH_MAX = 16 };

struct scan {
	const char *start, *p, *end;
	struct arena *memory;
	const char *error; /* NULL; else what was expected at p */
};

void scan_init(struct scan *, struct slice text, struct arena *) NONNULL;
/* Nothing but blanks is left. */
bool scan_end(struct scan *) NONNULL;
/* Fails the scan; returns false. */
bool scan_fail(struct scan *, const char *expected) NONNULL;
/* What is expected when memory has run out: the line is not to blame. */
extern const char scan_no_memory[];

/* The next byte that is not a blank; 0 at the end. */
char scan_peek(struct scan *) NONNULL;

/*
 * Eats these very bytes if they come next.  For what mostly comes next, which
 * is faster than looking what it is; never fails the scan.
 */
static inline bool
scan_literal(struct scan *s, const char *bytes, size_t n)
{
	if ((size_t)(s->end - s->p) < n || memcmp(s->p, bytes, n) != 0)
		return false;
	s->p += n;
	return true;
}

/* Eats {; then for each member scan_member(), which eats the } and is false. */
bool scan_object(struct scan *) NONNULL;
bool scan_member(struct scan *, bool *first, struct slice *name) NONNULL;
bool scan_array(struct scan *) NONNULL;
bool scan_element(struct scan *, bool *first) NONNULL;

bool scan_string(struct scan *, struct slice *) NONNULL;
/* A string, or null: an empty slice with p == NULL. */
bool scan_string_or_null(struct scan *, struct slice *);
bool scan_number(struct scan *, uint64_t *) NONNULL;
bool scan_bool(struct scan *, bool *) NONNULL;
bool scan_null(struct scan *) NONNULL;
/* Any value. */
bool scan_skip(struct scan *) NONNULL;

#endif
