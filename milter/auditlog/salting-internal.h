/* salting-internal.h - what the parts of salting.h share; the lock is held. */
#ifndef TLSPOLICY_MILTER_AUDITLOG_SALTING_INTERNAL_H
#define TLSPOLICY_MILTER_AUDITLOG_SALTING_INTERNAL_H

#include "milter/auditlog/salting.h"

/* Forgets all of the day and closes its file. */
void salting_forget(struct salting *) NONNULL;
bool salting_open_day(struct salting *, int32_t day, struct fault *) MUST_CHECK
    NONNULL;
/*
 * After a failure: writes again what may be lost, which proves that it works.
 */
bool salting_write_again(struct salting *, struct fault *) MUST_CHECK NONNULL;

#endif
