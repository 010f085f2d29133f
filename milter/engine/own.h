/*
 * own.h - our engine: its threads, one for each processor.
 *
 * Threads: the main thread only.
 */
#ifndef TLSPOLICY_MILTER_ENGINE_OWN_H
#define TLSPOLICY_MILTER_ENGINE_OWN_H

#include "milter/engine/engine.h"

/* After engine_register(): accept MTAs on this socket, which does not block. */
bool own_start(int listening, bool tcp, struct fault *) MUST_CHECK NONNULL;
/* Accept no more, and close the socket; sessions go on. */
void own_leave(void);
/*
 * After the drain is closed, and the audit log: whoever waited for either has
 * been answered.
 */
void own_stop(void);

#endif
