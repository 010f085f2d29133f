/*
 * jsonput.h - writing JSON straight into a text, fast and safe to log.
 *
 * Strings come from clients.  Whatever they hold the output is one line of
 * valid JSON (RFC 8259) that does nothing to a terminal: control characters
 * (C0, DEL, C1) and the invisible ones of text_is_invisible() become \uXXXX, a
 * pair of them beyond U+FFFF; each byte that is not part of valid UTF-8 (RFC 3629) becomes U+FFFD.
 *
 * Threads: no state.
 */
#ifndef TLSPOLICY_JSONPUT_H
#define TLSPOLICY_JSONPUT_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "policy/base/text.h"

/*
 * A text being written: its ends at hand, so that most of a record is put
 * down without a call.  Between start and finish the text is not to be used.
 */
struct jsonput {
	char *p, *end; /* where the next byte goes; past the last usable one */
	bool cut;
	struct text *text;
};

void jsonput_start(struct jsonput *, struct text *) NONNULL;
/* The text takes over what was written; false when it was cut. */
bool jsonput_finish(struct jsonput *) NONNULL;

/* Bytes as they are; `n` known to the compiler, else jsonput_slice(). */
static inline void
jsonput_bytes(struct jsonput *j, const char *p, size_t n)
{
	if (n > (size_t)(j->end - j->p)) {
		n = (size_t)(j->end - j->p);
		j->cut = true;
	}
	memcpy(j->p, p, n);
	j->p += n;
}

void jsonput_slice(struct jsonput *, struct slice) NONNULL;

/* A string constant, as it is. */
#define JSONPUT_LITERAL(j, s) jsonput_bytes(j, s, sizeof(s) - 1)

/*
 * The characters of a string without its quotes, so that one string can be
 * put together from several.  False when a byte was replaced by U+FFFD.
 */
bool jsonput_chars(struct jsonput *, struct slice) NONNULL;
/* The same with quotes. */
bool jsonput_string(struct jsonput *, struct slice) NONNULL;
/* A string on a stream, cut behind its first JSONPUT_PRINT_MAX bytes. */
enum { JSONPUT_PRINT_MAX = 4096 };
void jsonput_print(struct slice, FILE *) NONNULL;
/* An empty one is null. */
void jsonput_string_or_null(struct jsonput *, struct slice) NONNULL;
void jsonput_number(struct jsonput *, uint64_t) NONNULL;
/* A string of two hex digits a byte. */
void jsonput_hex(struct jsonput *, struct slice) NONNULL;
/* RFC 3339 in UTC with microseconds: "2026-03-01T12:00:00.000000Z". */
void jsonput_time(struct jsonput *, int64_t time_us) NONNULL;

/*
 * A decimal number as MTAs print it, which JSON can carry as a number and
 * which reads back as the same text: no sign, no leading zero, nine digits at
 * most.
 */
bool jsonput_is_number(struct slice);

#endif
