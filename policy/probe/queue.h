/*
 * queue.h - many targets probed at once by a bounded number of threads.
 *
 * Results come back on the caller's thread in the order of the targets,
 * whatever the order in which servers answered.
 */
#ifndef TLSPOLICY_PROBE_QUEUE_H
#define TLSPOLICY_PROBE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

#include "policy/base/fault.h"
#include "policy/probe/probe.h"
#include "policy/probe/target.h"

enum { PROBE_JOBS_MAX = 256 };

/* One target and what came of it. */
struct probe_job {
	char *text; /* as given; owned by the caller */
	struct target target;
	struct fault fault; /* kind FAULT_NONE: there are results */
	size_t n;
	struct probe_result *results; /* best MX first */
	bool done;
};

/*
 * Calls `each` for every job once it is done and releases its results after
 * that.  False with a fault when no thread could be started.
 */
bool probe_queue_run(const struct probe *, struct probe_job *jobs, size_t n,
    unsigned threads, void (*each)(void *arg, const struct probe_job *),
    void *arg, struct fault *) MUST_CHECK;

#endif
