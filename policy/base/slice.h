/*
 * slice.h - pieces of other people's memory.
 *
 * A slice is a pointer and a length: never NUL-terminated, never owned, valid
 * as long as the memory it points into.
 *
 * Comparison and case folding are ASCII only: key words, domains as A-labels
 * and sendmail's spelling of names are ASCII, and folding must not depend on
 * the locale.
 *
 * Threads: no state.
 */
#ifndef TLSPOLICY_SLICE_H
#define TLSPOLICY_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "policy/base/attribute.h"

struct slice {
	const char *p;
	size_t n;
};

/* For a "%.*s" conversion, which must not get NULL even for no bytes. */
#define SLICE_ARG(s) (int)((s).n), slice_bytes((s).p)

static inline const char *
slice_bytes(const char *p)
{
	return p == NULL ? "" : p;
}

/* NULL gives the empty slice. */
static inline struct slice
slice_of(const char *s)
{
	return (struct slice){ s, s == NULL ? 0 : strlen(s) };
}

static inline struct slice
slice_make(const char *p, size_t n)
{
	return (struct slice){ p, n };
}

/*
 * The part of `s` from offset `from` (at most s.n) on.  C knows no NULL + 0,
 * and an empty slice may have no memory.
 */
static inline struct slice
slice_from(struct slice s, size_t from)
{
	return (struct slice){ from == 0 ? s.p : s.p + from, s.n - from };
}

bool slice_equal(struct slice, struct slice);
/* FNV-1a, for tables in memory.  A stranger can find many texts of one hash. */
uint64_t slice_hash(struct slice);
/* As memcmp(3) orders bytes; of two with one beginning the shorter is first. */
int slice_compare(struct slice, struct slice);
bool slice_equal_nocase(struct slice, struct slice);
/* to the letter */
bool slice_is(struct slice, const char *word) NONNULL;
/* without case */
bool slice_is_word(struct slice, const char *word) NONNULL;
/* Most words that are tried begin with another letter. */
static inline bool
slice_is_nocase(struct slice s, const char *word)
{
	return s.n == 0 ? word[0] == '\0' : ((s.p[0] ^ word[0]) & ~0x20) ==
	    0 && slice_is_word(s, word);
}
bool slice_starts_nocase(struct slice, const char *prefix) NONNULL;
/* Offset of the first `c`, or s.n when there is none. */
static inline size_t
slice_find(struct slice s, char c)
{
	const char *hit = s.n == 0 ? NULL :
	    (const char *)memchr(s.p, c, s.n);

	return hit == NULL ? s.n : (size_t)(hit - s.p);
}

/*
 * Takes the first piece off *rest: what stands before a `c`, which goes away,
 * or all of it.  False: *rest is empty, and *piece as it was.
 */
bool slice_next(struct slice *rest, char c, struct slice *piece) NONNULL;

/* The same with any of the characters of `set`; a NUL parts pieces, too. */
bool slice_next_of(struct slice *rest, const char *set, struct slice *piece)
    NONNULL;

/* In lower case; returns the end of what is written. */
char *slice_copy_lower(char *to, struct slice);
/* No byte is 0x80 or more. */
bool slice_is_ascii(struct slice);

/* Without blanks (space, tab, CR) at both ends. */
struct slice slice_trim(struct slice);

/* A-Z to a-z, all else unchanged. */
static inline int
text_lower(int c)
{
	return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
}

static inline bool
text_is_blank(int c)
{
	return c == ' ' || c == '\t';
}

#endif
