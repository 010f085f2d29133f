/*
 * recent.h - domains and rules of a report that were found before, by a hash of
 * their names; private to the report.  Nothing rests on it: who does not find
 * one here looks in the tree.
 *
 * Threads: those of the report.
 */
#ifndef TLSPOLICY_REPORT_RECENT_H
#define TLSPOLICY_REPORT_RECENT_H

#include "policy/report/report-internal.h"

/* NULL: out of memory, or not there. */
struct report_domain *report_recent_domain(const struct report *, struct slice);
struct report_rule *report_recent_rule(const struct report *, struct slice key,
    struct slice requirement);
void report_note_domain(struct report *, struct report_domain *);
void report_note_rule(struct report *, struct report_rule *);
/* Before domains are freed. */
void report_forget_domains(struct report *);

#endif
