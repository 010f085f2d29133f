/*
 * count.h - what a report counts: one row a counter, and all that adds, prints
 * or draws counters walks the rows.
 *
 * To add a counter: an enumerator here, its row in count.c, the line in
 * report_count() that counts it, a paragraph in tlspolicy-report(1).
 *
 * Threads: no state.
 */
#ifndef TLSPOLICY_REPORT_COUNT_H
#define TLSPOLICY_REPORT_COUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/rules/item.h"

enum report_version {
	REPORT_TLS13, REPORT_TLS12, REPORT_TLS11, REPORT_TLS10,
	REPORT_TLS_OTHER,
	REPORT_VERSIONS
};

enum report_counter {
	COUNT_MAILS,	/* let through or held, from clients not exempt */
	COUNT_TLS,	/* of these, and so up to COUNT_HELD */
	COUNT_VERSION,	/* one for each enum report_version */
	COUNT_VERIFIED = COUNT_VERSION + REPORT_VERSIONS,
	COUNT_CLEAR,
	COUNT_UNTOLD,	/* out of a mail log that does not tell */
	COUNT_HELD,
	COUNT_REFUSED,	/* attempts: mails and single recipients */
	COUNT_WOULD,	/* let through by WARN, monitor or on-error */
	COUNT_REFUSED_FOR, /* one for each enum reason */
	COUNT_WOULD_FOR = COUNT_REFUSED_FOR + REASON_COUNT,
	COUNT_EXEMPT = COUNT_WOULD_FOR + REASON_COUNT, /* let through, client
							 exempt or local */
	COUNT_ABORTED,	/* never ended by the client */
	COUNT_AGAINST,	/* left otherwise than the MTA was told */
	COUNT_HANDSHAKES, /* with servers, told by the MTA */
	COUNT_FAILED,	/* of these: TLS could not be had */
	REPORT_COUNTERS
};

struct report_count {
	uint64_t n[REPORT_COUNTERS];
};

/* The counters that come in groups, a member each for a version or reason. */
enum report_group { GROUP_NONE, GROUP_VERSION, GROUP_REFUSED, GROUP_WOULD };

/* Names are for scripts, labels and heads for people. */
struct report_row {
	enum report_group group;
	const char *name;  /* in JSON (of the group), and how its column in CSV
			      begins; NULL: in neither */
	const char *label; /* of the sum of all; NULL: not in that list */
	bool always;	   /* listed even when there are none */
	bool share;	   /* of the mails: people are shown the share */
	const char *head;  /* of its column in tables; NULL: it has none */
	const char *cell;  /* beside a value of the page, on narrow screens */
	bool page_only;	   /* that column is the page's, not the terminal's */
};

const struct report_row *report_row(enum report_counter);
/* Of a group: "TLS 1.2", "plaintext"; NULL: not in JSON or CSV. */
const char *report_member(enum report_counter);
/* "tls_1_2", "refused_plaintext", "mails"; empty: no column. */
enum { REPORT_COLUMN_MAX = 64 };
void report_column(enum report_counter, char out[REPORT_COLUMN_MAX]);

const char *report_version_name(enum report_version); /* "TLS 1.2" */

void report_count_add(struct report_count *to, const struct report_count *);

#endif
