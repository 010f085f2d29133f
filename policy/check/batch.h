/*
 * batch.h - `check --batch`: a session a line in, a verdict a line out.
 *
 * In: one JSON object of macros a line, {"client_name": "mail.example.com",
 * "cipher_bits": 256}; a null is a macro that was not sent.  Out: check_json(),
 * with a list "trace" when the judge is traced.  A line that cannot be judged
 * gives {"line": N, "error": "..."} and the run goes on.
 *
 * What was judged is written before the next line is waited for, so that a
 * program can talk to it through two pipes.  Of lines that come together each
 * is judged by the generation that is current then: they are judged by as many
 * threads as there are processors, and answered in order.
 */
#ifndef TLSPOLICY_CHECK_BATCH_H
#define TLSPOLICY_CHECK_BATCH_H

#include "policy/check/check.h"

/*
 * As the judge judges, from the descriptor `in` to stdout; the exit code, 65
 * after a bad line.
 */
int batch_run(const struct check *, int in) NONNULL;

#endif
