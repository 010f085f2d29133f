/*
 * ratchet.h - the key file of a chain whose key goes (policy/audit/chain-key.h).
 *
 * The next epoch's key is written beside the file, brought to the disk and put
 * in its place; from then on nothing here can seal, or make up, a line of the
 * epoch before.  Who had a copy of the file, or reads what a disk keeps of a
 * file that was replaced, can.
 *
 * Threads: one at a time.
 */
#ifndef TLSPOLICY_MILTER_AUDITLOG_RATCHET_H
#define TLSPOLICY_MILTER_AUDITLOG_RATCHET_H

#include "policy/policy.h"

struct ratchet;

/*
 * Reads the key, and holds the folder open.  NULL with a fault: it is no
 * ratchet, or the next key cannot be put there.  Root only goes where nobody
 * else can say what folder that is.
 */
struct ratchet *ratchet_open(const char *path, struct fault *)
    MUST_CHECK NONNULL;
void ratchet_close(struct ratchet *); /* forgets the key */

uint64_t ratchet_epoch(const struct ratchet *) NONNULL;
const char *ratchet_id(const struct ratchet *) NONNULL;
bool ratchet_is_at(const struct ratchet *, const char *path) NONNULL;

/* A chain with the key of this epoch.  NULL with a fault. */
struct chain *ratchet_chain(const struct ratchet *, struct fault *)
    MUST_CHECK NONNULL;

/*
 * Writes the key of epoch `epoch`, later than this one, beside the file.  False
 * with a fault: nothing has changed.  Once that is done it need not be again.
 */
bool ratchet_prepare(struct ratchet *, uint64_t epoch, struct fault *)
    MUST_CHECK NONNULL;
/*
 * Puts what was prepared in the file's place: the key before is gone.  False
 * with a fault: it may be there still, and this is to be tried again.
 */
bool ratchet_turn(struct ratchet *, struct fault *) MUST_CHECK NONNULL;

#endif
