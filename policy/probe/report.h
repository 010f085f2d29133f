/*
 * report.h - what a probe has found, for people and as JSON.
 *
 * Threads: no state.
 */
#ifndef TLSPOLICY_PROBE_REPORT_H
#define TLSPOLICY_PROBE_REPORT_H

#include <stdio.h>
#include <time.h>

#include <jansson.h>

#include "policy/probe/probe.h"

void probe_report_text(const struct probe_result *, time_t now, FILE *);

/* A new object; NULL when memory runs out. */
json_t *probe_report_json(const struct probe_result *, time_t now);

#endif
