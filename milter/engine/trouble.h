/*
 * trouble.h - the log tells of connections that were broken off, once a minute
 * at most, and how many there were.
 *
 * Threads: any.
 */
#ifndef TLSPOLICY_MILTER_ENGINE_TROUBLE_H
#define TLSPOLICY_MILTER_ENGINE_TROUBLE_H

#include "policy/policy.h"

void trouble_tell(const char *why) NONNULL;

#endif
