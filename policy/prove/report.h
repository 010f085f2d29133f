/*
 * report.h - what became of claims, for people and for scripts.
 *
 * A false claim comes with the command line that shows it.
 *
 * Threads: one at a time.  Errors: those of the stream.
 */
#ifndef TLSPOLICY_PROVE_REPORT_H
#define TLSPOLICY_PROVE_REPORT_H

#include <jansson.h>

#include "policy/prove/claims.h"
#include "policy/prove/prove.h"

/* Appends MACRO=VALUE as words of a shell, a blank in front of each. */
void prove_report_macros(const struct prove_session *, struct text *) NONNULL;
/* Appends one word, quoted where it has to be. */
void prove_report_word(struct slice, struct text *) NONNULL;

/*
 * `check`: the command line up to the session, as "tlspolicy check -r rules", or
 * empty: then only the session is told.
 */
void prove_report_print(const struct claim *, const struct claims_place *,
    const struct prove_result *, const char *check, FILE *);
json_t *prove_report_json(const struct claim *, const struct claims_place *,
    const struct prove_result *, const char *check);
/* A claim that does not hold as a fault, FILE:LINE:COL: text. */
void prove_report_fault(const struct claim *, const struct claims_place *,
    const struct prove_result *, struct fault *) NONNULL;

#endif
