/*
 * text.h - bounded output.
 *
 * A text is an output buffer of fixed size, given by the caller, that never
 * overflows: what does not fit is left out and `cut` is set.  A text is always
 * NUL-terminated.
 *
 * Threads: no state.
 */
#ifndef TLSPOLICY_TEXT_H
#define TLSPOLICY_TEXT_H

#include <stdint.h>

#include "policy/base/slice.h"

struct text {
	char *buf;
	size_t size; /* at least 1 */
	size_t n;    /* bytes used, without the NUL */
	bool cut;
	bool utf8;   /* text_put_printable() may leave UTF-8 as it is */
};

int text_hex_digit(int c); /* 0..15, or -1 */

/*
 * A decimal number, digits only, the whole slice, at most `max`.  False
 * leaves *value alone.
 */
bool text_number(struct slice, unsigned long max, unsigned long *value)
    MUST_CHECK NONNULL;

void text_init(struct text *, char *buf, size_t size) NONNULL;
void text_clear(struct text *) NONNULL;

static inline void
text_char(struct text *t, char c)
{
	if (t->n + 1 >= t->size) {
		t->cut = true;
		return;
	}
	t->buf[t->n++] = c;
	t->buf[t->n] = '\0';
}

/* A-Z as a-z. */
void text_put_lower(struct text *, struct slice) NONNULL;
/* lower case, no leading zeros */
void text_hex(struct text *, uint64_t) NONNULL;
void text_put(struct text *, struct slice) NONNULL;
void text_puts(struct text *, const char *) NONNULL;
void text_printf(struct text *, const char *fmt, ...)
    PRINTF_LIKE(2, 3);

/*
 * The character in UTF-8 (RFC 3629) at the start of `s`: its length, and its
 * number in *code.  0: there is none.
 */
size_t text_utf8(struct slice s, uint32_t *code) NONNULL;
/*
 * Steers a terminal or is not seen: C0, C1, DEL, line and paragraph separators,
 * and what Unicode lets programs ignore (Default_Ignorable_Code_Point): marks for
 * writing from right to left, zero widths, fillers, tags; but for U+FE0E, U+FE0F,
 * by which a sign before them is drawn as text or as a picture.
 */
bool text_is_invisible(uint32_t code);
/*
 * Is there a character, and at which offset, that ends a line in some programs
 * and none here, as CR, FF or U+2028?  In a comment it would hide what stands
 * on a line of its own for whoever reads the text with them.  A CR at the end
 * is that of CR LF.
 */
bool text_foreign_end(struct slice s, size_t *at) NONNULL;
/*
 * As text_put, for people: what a stranger wrote, on one line of printable
 * ASCII.  Characters beyond it are written as RFC 6533 does, \x{FC}, or stay
 * in a text with `utf8` unless they are invisible.  A tab is a blank; control
 * characters, and bytes that are no UTF-8, are shown as ?.
 */
void text_put_printable(struct text *, struct slice) NONNULL;

/*
 * sendmail's spelling of names from certificates: + and two hex digits stand
 * for a byte (cf/README, STARTTLS; "xtext" in RFC 3461).  A + that is not
 * followed by two hex digits stands for itself.
 */
void text_put_xdecoded(struct text *, struct slice encoded) NONNULL;
/* Encodes what sendmail encodes in {cert_subject} and the like. */
void text_put_xencoded(struct text *, struct slice plain) NONNULL;
/* Equal after decoding the first one, without regard to case. */
bool text_xequal_nocase(struct slice encoded, struct slice plain);

#endif
