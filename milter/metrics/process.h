/*
 * process.h - build_info, and what every program tells Prometheus of its
 * process, by the names that dashboards know.
 *
 * What cannot be found out is left out.  Threads: any.
 */
#ifndef TLSPOLICY_MILTER_METRICS_PROCESS_H
#define TLSPOLICY_MILTER_METRICS_PROCESS_H

#include <stdint.h>

#include "policy/policy.h"

void process_page(uint64_t started_us, struct text *);

#endif
