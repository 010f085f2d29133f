/*
 * targets.h - what the probe command is to probe, from its operands and a
 * file.
 *
 * Ownership: the jobs and their texts, until probe_targets_free().
 * Threads: no state but the struct's.
 */
#ifndef TLSPOLICY_PROBE_TARGETS_H
#define TLSPOLICY_PROBE_TARGETS_H

#include "policy/probe/queue.h"

struct probe_targets {
	struct probe_job *jobs;
	size_t n, allocated;
};

/*
 * Adds `operands`, ended by NULL, then the lines of `path` ("-": standard
 * input; NULL: none).  False with a fault at the first that is no target.
 */
bool probe_targets_collect(char *const *operands, const char *path,
    struct probe_targets *, struct fault *) MUST_CHECK;
void probe_targets_free(struct probe_targets *);

#endif
