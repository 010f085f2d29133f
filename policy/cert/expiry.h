/*
 * expiry.h - when the certificates in a file end: what the daemon watches.
 *
 * Threads: no state.
 */
#ifndef TLSPOLICY_CERT_EXPIRY_H
#define TLSPOLICY_CERT_EXPIRY_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/base/fault.h"

/*
 * When the first of the certificates in `path` ends, in seconds since 1970: of
 * a chain each one counts, as peers refuse it with any of them.  False with a
 * fault: the file cannot be read (pemfile.h), or holds no certificate, or one
 * whose end is no date.
 */
bool expiry_of_file(const char *path, int64_t *end, struct fault *)
    MUST_CHECK NONNULL;

#endif
