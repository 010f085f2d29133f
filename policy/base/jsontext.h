/*
 * jsontext.h - strings from outside as JSON strings.
 *
 * jansson takes only UTF-8; rules, paths and macros may hold any bytes.
 * Threads: no state.
 */
#ifndef TLSPOLICY_JSONTEXT_H
#define TLSPOLICY_JSONTEXT_H

#include <jansson.h>

#include "policy/base/text.h"

/*
 * A new string; when `s` is not UTF-8 its bytes past ASCII become "?".  NULL:
 * out of memory.
 */
json_t *jsontext_string(struct slice s);

/* The same for a NUL-terminated string; NULL gives JSON's null. */
json_t *jsontext_cstring(const char *s);

#endif
