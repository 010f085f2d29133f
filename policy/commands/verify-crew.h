/*
 * verify-crew.h - the digests of `audit verify`, by as many threads as there
 * are processors.
 *
 * The caller's thread reads, and goes through the lines in their order; the
 * others compute ahead of it (verify-lines.h).  A piece that no other thread
 * has begun when its turn comes is left as it is, and verify.c does the work:
 * nobody waits for who was not given a processor, and without a thread all goes
 * on as without a crew.
 *
 * Threads: for the caller's alone.  The keyring must outlive it.
 */
#ifndef TLSPOLICY_COMMANDS_VERIFY_CREW_H
#define TLSPOLICY_COMMANDS_VERIFY_CREW_H

#include "policy/audit/verify-lines.h"

struct verify_crew;

/* NULL with a fault. */
struct verify_crew *verify_crew_new(struct keyring *, struct fault *)
    MUST_CHECK;
void verify_crew_free(struct verify_crew *);
/* One file at a time. */
const struct verify_lines *verify_crew_lines(struct verify_crew *) NONNULL;

#endif
