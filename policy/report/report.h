/*
 * report.h - what came in, how well it was protected, and what changed; or
 * what left, by the MTA's own log, held against what it was told.
 *
 * Records of the audit log are added one by one, oldest first; kept are sums
 * only.  They are grouped by day (UTC) and by the organisational domain of the
 * envelope sender, which anybody can write: what a partner's own hosts did is
 * told from what came under its name by the client's name, which the MTA has
 * verified.
 *
 *	report_init(&report);
 *	report_add(&report, &record);
 *	report_finish(&report);
 *	report_html(&report, stdout);
 *
 * Mail is counted when it was let through; refusals are counted by attempt, so
 * that a client that tries again is counted again.  Clients that are exempt,
 * and local submission, are counted apart from all else.
 *
 * Limits: below; what does not fit goes where least is lost (the domains with
 * least mail together under "(other)"), and the report says so.
 * Threads: a report belongs to one.
 */
#ifndef TLSPOLICY_REPORT_REPORT_H
#define TLSPOLICY_REPORT_REPORT_H

#include "policy/audit/reader.h"
#include "policy/facts/organisations.h"
#include "policy/report/basis.h"
#include "policy/report/data.h"
#include "policy/report/told.h"

enum {
	REPORT_DOMAINS_MAX = 20000,
	REPORT_CELLS_MAX = 250000, /* days of domains */
	REPORT_RULES_MAX = 2000,
	REPORT_SUITES_MAX = 48
};

struct report {
	/* Set by the caller after report_init(). */
	struct slice domain;	/* only this one and those below; empty: all */
	int64_t since, until;	/* microseconds, from and before */
	size_t top;		/* rows of long tables for people */
	int32_t soon;		/* days: what ends within them is told */
	uint64_t steady;	/* mails that make a habit, see peer.c */
	bool nodes;		/* of these alone, by `basis` */
	bool leaving;		/* of mail that left: by recipient, server */
	const struct told *told; /* what the MTA was told before; or NULL */
	const struct basis *basis; /* finished before it is printed; or NULL */

	struct report_count total;
	struct report_cell *days;	   /* after report_finish() by day */
	struct report_domain **domains;	   /* ... by mails, most first */
	size_t ndomains;
	struct report_domain *other;	   /* NULL: all had room */
	size_t folded;			   /* how many are in it */
	struct report_rule **rules;	   /* ... by refusals, most first */
	size_t nrules, rules_left_out;
	struct report_suite suites[REPORT_SUITES_MAX];
	size_t nsuites;
	uint64_t suites_left_out;
	int64_t first, last;		   /* times of records; 0: none */
	uint64_t records, monitored, maillog;
	bool failed;			   /* out of memory */

	void *domain_tree, *rule_tree;	   /* tsearch(3) */
	struct organisations *known;	   /* or NULL, as `recent` */
	struct report_recent *recent;	   /* see recent.h */
	size_t ncells;
};

void report_init(struct report *);
void report_free(struct report *);

/* RECORD_DELIVERED and RECORD_HANDSHAKE when `leaving`, else the others.  False: out of memory. */
bool report_add(struct report *, const struct reader_record *) MUST_CHECK;
/* After the last one: puts all in order. */
void report_finish(struct report *);

/* The last day that was seen: against it dates are judged. */
int32_t report_today(const struct report *);

/*
 * What is to be looked at, worst first; see report_alarm in data.h.  *alarms is
 * NULL when memory ran out, never when there are none.
 */
size_t report_alarms(const struct report *, struct report_alarm **alarms);

/*
 * The forms.  `other`: of mail the other way, which stands behind it; or NULL.
 * Errors of writing stay with the stream; false: a library failed or memory
 * ran out.
 */
typedef bool report_form(const struct report *, const struct report *other,
    FILE *);
report_form report_text, report_csv, report_json, report_html;

#endif
