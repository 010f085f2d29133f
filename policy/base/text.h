/*
 * text.h - slices of other people's memory, and bounded output.
 *
 * A slice is a pointer and a length: never NUL-terminated, never owned, valid
 * as long as the memory it points into.  A text is an output buffer of fixed
 * size, given by the caller, that never overflows: what does not fit is left
 * out and `cut` is set.  A text is always NUL-terminated.
 *
 * Comparison and case folding are ASCII only: key words, domains as A-labels
 * and sendmail's spelling of names are ASCII, and folding must not depend on
 * the locale.
 *
 * Threads: no state.
 */
#ifndef TLSPOLICY_TEXT_H
#define TLSPOLICY_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct slice {
	const char *p;
	size_t n;
};

struct text {
	char *buf;
	size_t size; /* at least 1 */
	size_t n;    /* bytes used, without the NUL */
	bool cut;
};

/* For a "%.*s" conversion. */
#define SLICE_ARG(s) (int)((s).n), ((s).p == NULL ? "" : (s).p)

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

/* The part of `s` from offset `from` (at most s.n) on. */
static inline struct slice
slice_from(struct slice s, size_t from)
{
	return (struct slice){ s.p + from, s.n - from };
}

bool slice_equal(struct slice, struct slice);
bool slice_equal_nocase(struct slice, struct slice);
bool slice_is(struct slice, const char *word);		/* to the letter */
bool slice_is_nocase(struct slice, const char *word);	/* without case */
bool slice_starts_nocase(struct slice, const char *prefix);
/* Offset of the first `c`, or s.n when there is none. */
static inline size_t
slice_find(struct slice s, char c)
{
	const char *hit = s.n == 0 ? NULL :
	    (const char *)memchr(s.p, c, s.n);

	return hit == NULL ? s.n : (size_t)(hit - s.p);
}

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

int text_hex_digit(int c); /* 0..15, or -1 */

/*
 * A decimal number, digits only, the whole slice, at most `max`.  False
 * leaves *value alone.
 */
bool text_number(struct slice, unsigned long max, unsigned long *value);

void text_init(struct text *, char *buf, size_t size);
void text_clear(struct text *);
void text_char(struct text *, char c);
void text_put(struct text *, struct slice);
void text_puts(struct text *, const char *);
void text_printf(struct text *, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* As text_put, with bytes that are not printable ASCII shown as ?. */
void text_put_printable(struct text *, struct slice);

/*
 * sendmail's spelling of names from certificates: + and two hex digits stand
 * for a byte (cf/README, STARTTLS; "xtext" in RFC 3461).  A + that is not
 * followed by two hex digits stands for itself.
 */
void text_put_xdecoded(struct text *, struct slice encoded);
/* Encodes what sendmail encodes in {cert_subject} and the like. */
void text_put_xencoded(struct text *, struct slice plain);
/* Equal after decoding the first one, without regard to case. */
bool text_xequal_nocase(struct slice encoded, struct slice plain);

#endif
