/*
 * report-internal.h - what the files of the report share; not for others.
 *
 * report.c calls peer.c, rule.c and fold.c for what a record touches; the last
 * two recent.c.
 */
#ifndef TLSPOLICY_REPORT_REPORT_INTERNAL_H
#define TLSPOLICY_REPORT_REPORT_INTERNAL_H

#include "policy/report/report.h"

#define REPORT_DAY_US INT64_C(86400000000)

int32_t report_day(int64_t time_us);

static inline bool
report_is_refusal(const struct reader_record *record)
{
	return record->event == RECORD_REFUSED_MAIL ||
	    record->event == RECORD_REFUSED_RCPT ||
	    record->event == RECORD_REFUSED_HEADER;
}

/* Of mail that leaves, or would have. */
static inline bool
report_is_leaving(const struct reader_record *record)
{
	return record->event == RECORD_DELIVERED ||
	    record->event == RECORD_HANDSHAKE;
}

/* Local submission has no client on the network. */
static inline bool
report_is_exempt(const struct reader_record *record)
{
	return record->exempt || (!report_is_leaving(record) &&
	    !facts_filled(&record->facts, FACT_CLIENT_ADDR));
}

/* What is said of mail that came, or of mail that left. */
struct report_words {
	const char *passed, *came, *address, *domains, *peer, *peers, *peer_by;
};

const struct report_words *report_words(const struct report *);

/*
 * peer.c: by whom a client (or server) is known, DOMAIN_TEXT_MAX at most.
 * `known` may be NULL.
 */
void report_client_name(struct organisations *known, const struct facts *,
    bool server, struct text *);
/* Clients and certificates.  False: out of memory. */
bool report_add_peer(const struct report *, struct report_domain *,
    const struct reader_record *);
void report_free_domain(struct report_domain *);

/* certificate.c: one that verified.  False: out of memory. */
bool report_add_certificate(struct report_domain *,
    const struct reader_record *);
void report_free_certificates(struct report_domain *);

/* What two certificates share, of what is told of both; the first is most. */
enum report_likeness {
	LIKE_SAME,	   /* one certificate, by its fingerprint */
	LIKE_RENEWED,	   /* all but the fingerprint */
	LIKE_OTHER_DN,	   /* the issuer's CN, and not its DN */
	LIKE_UNTOLD,	   /* nothing differs, and no fingerprint is told */
	LIKE_OTHER_ISSUER, /* the name */
	LIKE_OTHER_NAME,
	LIKENESSES
};
enum report_likeness report_compare_certificates(
    const struct report_certificate *, const struct report_certificate *);

/* rule.c: False: out of memory. */
bool report_add_rules(struct report *, const struct reader_record *);
void report_free_rule(struct report_rule *);

/* fold.c: a domain, a new one perhaps.  NULL: out of memory. */
struct report_domain *report_find_domain(struct report *, char *name);
struct report_domain *report_new_domain(const char *name);
bool report_keep_domain(struct report *, struct report_domain *);
/* Makes room: half of the domains go to "(other)". */
bool report_fold(struct report *);

/* basis-print.c: what it rests on. */
void basis_text(const struct basis *, FILE *);
bool basis_json(const struct basis *, FILE *); /* false: out of memory */

/* copy.c: a copy for strings of the log, cut at a length that people read. */
char *report_copy(struct slice);
/* Is `copy` a copy of this?  Never of a text that is too long for one. */
bool report_is_copy(const char *copy, struct slice);

/* Of `n` in hundredths of a percent, rounded so that only all is 10000. */
unsigned report_share(uint64_t part, uint64_t whole);
/* "99.98 %"; "-" of nothing. */
void report_put_share(struct text *, uint64_t part, uint64_t whole);
/* "12,345". */
void report_put_number(struct text *, uint64_t);
/* "2026-11-21". */
void report_put_day(struct text *, int64_t time_us);

/*
 * A string from outside: one line of UTF-8 that does nothing to a terminal, as
 * jsonput.h has it.
 */
enum { REPORT_NAME_MAX = 6 * 1024 + 1 };
void report_put_clean(struct text *, struct slice);
const char *report_clean(char text[REPORT_NAME_MAX], const char *);
void report_print_clean(FILE *, const char *);
/*
 * As a value in CSV.  One that a spreadsheet would take for a formula gets an
 * apostrophe in front, which spreadsheets hide.
 */
void report_print_quoted(FILE *, const char *);

#endif
