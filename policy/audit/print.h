/*
 * print.h - what people are shown of a record.
 *
 * Threads: no state.
 */
#ifndef TLSPOLICY_AUDIT_PRINT_H
#define TLSPOLICY_AUDIT_PRINT_H

#include "policy/facts/facts.h"

struct json_t; /* jansson.h */

/* A time to the second; " from=..." for a fact that is filled. */
void audit_print_time(int64_t time_us, struct text *out) NONNULL;
/* The time as JSON; null for 0, which is no time.  The caller's. */
struct json_t *audit_json_time(int64_t time_us) MUST_CHECK;
/* What is told: before, then the word; nothing when it is empty. */
void audit_print_word(const char *before, struct slice word, struct text *out)
    NONNULL;
void audit_print_fact(const struct facts *, enum fact_id, const char *before,
    struct text *out) NONNULL;
/* Mailboxes of the From field, three at most, and the word for its flaw. */
void audit_print_header(const struct facts *, const char *before,
    struct text *out) NONNULL;

#endif
