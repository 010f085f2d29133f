/*
 * verify-workers.h - the digests of `audit verify`, by as many threads as there
 * are processors.
 *
 * The caller's thread reads, and goes through the lines in their order; the
 * others compute ahead of it (verify-lines.h).  A piece that no other thread
 * has begun when its turn comes is left as it is, and verify.c does the work:
 * nobody waits for who was not given a processor, and without a thread all goes
 * on as without workers.
 *
 * Threads: for the caller's alone.  The keyring must outlive it.
 */
#ifndef TLSPOLICY_COMMANDS_VERIFY_WORKERS_H
#define TLSPOLICY_COMMANDS_VERIFY_WORKERS_H

#include "policy/audit/verify-lines.h"

struct verify_workers;

/* NULL with a fault. */
struct verify_workers *verify_workers_new(struct keyring *, struct fault *)
    MUST_CHECK;
void verify_workers_free(struct verify_workers *);
/* One file at a time. */
const struct verify_lines *verify_workers_lines(struct verify_workers *)
    NONNULL;

#endif
