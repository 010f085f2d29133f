/* salting-internal.h - what the parts of salting.h share; the lock is held. */
#ifndef TLSPOLICY_MILTER_AUDITLOG_SALTING_INTERNAL_H
#define TLSPOLICY_MILTER_AUDITLOG_SALTING_INTERNAL_H

#include "milter/auditlog/salting.h"

/* Nothing is known of the day any more, and its file is closed. */
void salting_forget(struct salting *) NONNULL;
bool salting_open_day(struct salting *, int32_t day, struct fault *) MUST_CHECK
    NONNULL;
/* Behind a failure: what may be lost, and the proof that it can be written. */
bool salting_write_again(struct salting *, struct fault *) MUST_CHECK NONNULL;

#endif
