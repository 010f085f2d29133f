/*
 * metrics_page.h - the counters as Prometheus reads them (text format 0.0.4),
 * and whether the daemon is well.
 *
 * Threads: any; takes a read transaction of the store for a moment.
 */
#ifndef TLSPOLICY_METRICS_PAGE_H
#define TLSPOLICY_METRICS_PAGE_H

#include "milter/daemon.h"

enum { METRICS_PAGE_MAX = 64 * 1024 };

void metrics_page(struct daemon *, struct text *);

/*
 * True: policy can be asked.  Else says why not.
 */
bool metrics_page_health(struct daemon *, struct text *);

#endif
