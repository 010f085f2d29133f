/*
 * page.h - the counters as Prometheus reads them (text format 0.0.4),
 * and whether the daemon is well.
 *
 * Threads: any; takes a read transaction of the store for a moment.
 */
#ifndef TLSPOLICY_MILTER_METRICS_PAGE_H
#define TLSPOLICY_MILTER_METRICS_PAGE_H

#include "milter/daemon.h"

enum { METRICS_PAGE_MAX = 128 * 1024 };

void metrics_page(struct daemon *, struct text *);

/*
 * True: a message could be judged and recorded now.  Else says why not.  That
 * the audit log cannot be written shows when a record was to be written.
 */
bool metrics_page_health(struct daemon *, struct text *);

#endif
