/*
 * unicode.h - text beyond ASCII in the one form that all its spellings share.
 *
 * Two texts that differ in case or in how letters are composed have one form:
 * canonical caseless matching of the Unicode Standard (section 3.13), written
 * composed (NFC).  So do U+017F and s, or U+00DF and ss, since case folding makes
 * them one.  Letters that only look alike stay apart: compatibility forms (NFKC)
 * are other names to every MTA.
 *
 * Threads: no state.  Allocates only for what is not ASCII.
 */
#ifndef TLSPOLICY_UNICODE_H
#define TLSPOLICY_UNICODE_H

#include "policy/base/text.h"

/*
 * Appends the form of `s`, which may be longer or shorter than `s`.  Bytes that
 * are no UTF-8 stay, but for A-Z, and are equal only to themselves.  False: out
 * of memory.
 */
bool unicode_put_caseless(struct text *, struct slice) MUST_CHECK NONNULL;

#endif
