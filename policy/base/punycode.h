/*
 * punycode.h - a label beyond ASCII as an A-label, whatever IDNA 2008 says of it.
 *
 * Threads: no state.  Allocates.
 */
#ifndef TLSPOLICY_PUNYCODE_H
#define TLSPOLICY_PUNYCODE_H

#include "policy/base/text.h"

/*
 * Appends the A-label: mapped as UTS 46 does, but for its tables of what is
 * forbidden, then encoded (RFC 3492).  False: no label of DNS comes out, not
 * UTF-8, or out of memory; `out` is as it was.
 */
bool punycode_put_label(struct text *out, struct slice label) MUST_CHECK NONNULL;

#endif
