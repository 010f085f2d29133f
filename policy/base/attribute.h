/*
 * attribute.h - what a declaration demands of its callers, for the compiler.
 */
#ifndef TLSPOLICY_ATTRIBUTE_H
#define TLSPOLICY_ATTRIBUTE_H

/* A caller must not pass over the result: failure, or what it has to free. */
#define MUST_CHECK __attribute__((warn_unused_result))

/* No pointer may be NULL. */
#define NONNULL __attribute__((nonnull))

/* Argument `text` is a format for those from `first` on (0: a va_list). */
#define PRINTF_LIKE(text, first) __attribute__((format(printf, text, first)))

#endif
