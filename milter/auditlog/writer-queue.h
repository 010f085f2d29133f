/*
 * writer-queue.h - the queue, the lock being held; private to writer.h.
 */
#ifndef TLSPOLICY_MILTER_AUDITLOG_WRITER_QUEUE_H
#define TLSPOLICY_MILTER_AUDITLOG_WRITER_QUEUE_H

#include "milter/auditlog/writer-internal.h"

bool writer_is_crowded(const struct writer *) MUST_CHECK NONNULL;
bool writer_is_stalled(const struct writer *) NONNULL;
bool writer_has_room(const struct writer *, size_t n, enum writer_patience)
    MUST_CHECK;
struct entry *writer_entry_new(struct slice record) MUST_CHECK; /* no lock */
void writer_enqueue(struct writer *, struct entry *) NONNULL;
void writer_stay_outside(struct writer *, struct entry *) NONNULL;
void writer_admit(struct writer *) NONNULL;
void writer_take_back(struct writer *, struct entry *) NONNULL;
void writer_count(struct writer *, bool taken, enum writer_patience) NONNULL;
void writer_tell(struct entry *) NONNULL; /* its ticket: it is settled */

#endif
