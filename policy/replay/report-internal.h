/*
 * report-internal.h - messages that change in the same way; private to
 * report.h.  report.c gathers them, print.c prints them.
 */
#ifndef TLSPOLICY_REPLAY_REPORT_INTERNAL_H
#define TLSPOLICY_REPLAY_REPORT_INTERNAL_H

#include "policy/replay/report.h"

struct replay_group {
	enum replay_change change;
	struct slice domain, key, requirement, file;
	uint32_t line;
	uint64_t count;
	int64_t first_us, last_us;
	enum replay_outcome was, is; /* of the example */
	struct slice example;	     /* the record */
	struct slice reply;	     /* what would be said */
	struct slice rcpt;	     /* to whom; empty: at MAIL */
};

#endif
