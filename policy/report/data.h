/*
 * data.h - the sums of a report.
 *
 * Strings are owned by the struct they stand in.  Times are microseconds since
 * 1970, days are days since then, UTC.
 */
#ifndef TLSPOLICY_REPORT_DATA_H
#define TLSPOLICY_REPORT_DATA_H

#include <stdint.h>
#include <stdio.h>

#include "policy/facts/facts.h"
#include "policy/report/count.h"

struct report_cell {
	int32_t day;
	struct report_count count;
	struct report_cell *next;
};

enum { REPORT_CLIENTS_MAX = 16, REPORT_CERTIFICATES_MAX = 16 };

/* The hosts of one organisation (or one address) that sent for a domain. */
struct report_client {
	char *name;
	uint64_t tls, clear, verified;
	int64_t last_tls;
	/* In clear though it had steadily used TLS before. */
	uint64_t fallback, fallback_refused;
	int64_t first_fallback, last_fallback;
	/* The last ones came without what it had steadily shown before. */
	int64_t last_verified, first_unverified, last_unverified;
	uint64_t unverified, unverified_before;
	enum verify unverified_word;
	char *issuer; /* of the last certificate that verified */
};

/* A certificate that verified.  "": not told, or it has none. */
struct report_certificate {
	char *cn, *fingerprint;
	char *issuer;	 /* its DN, or its CN where no more is told */
	char *issuer_cn; /* what all MTAs tell of it */
	bool cn_told, dn_told;
	int64_t first, last;
	uint64_t mails;
};

struct report_domain {
	char *name;
	struct report_count sum;
	struct report_cell *cells; /* newest first; by day when finished */
	int64_t first, last;
	struct report_client *clients;
	struct report_certificate *certificates; /* by first */
	unsigned nclients, ncertificates;
	unsigned clients_left_out, certificates_left_out;
	/* TLS with its servers, as the MTA that delivers tells. */
	uint64_t failures;
	int64_t first_failure, last_failure, last_success;
	char failure[32]; /* the last one's type */
};

struct report_rule {
	char *key, *requirement, *file; /* key "": no rule, a bad handshake */
	uint32_t line;
	uint64_t judged, held_true; /* times it was asked; of these satisfied */
	uint64_t refused_for[REASON_COUNT], would_for[REASON_COUNT];
	uint64_t refused, would;
	int64_t last;
	int32_t until; /* DAY_ALWAYS_UNTIL: no end */
};

struct report_suite {
	char name[64];
	uint64_t mails;
};

/* In order of gravity. */
enum report_alarm_kind {
	ALARM_FALLBACK,	  /* a client fell back from TLS to clear */
	ALARM_FAILING,	  /* the TLS that was wanted of its servers failed */
	ALARM_UNVERIFIED, /* its certificate verifies no more */
	ALARM_ENDS,	  /* a rule ends soon, or did */
	ALARM_ISSUER,	  /* same name, other issuer */
	ALARM_NAME,	  /* a certificate with another name */
	ALARM_RENEWED,	  /* same name and issuer, other fingerprint */
	ALARM_KINDS
};

struct report_alarm {
	enum report_alarm_kind kind;
	bool resolved; /* it is as it was before */
	int64_t time;
	const struct report_domain *domain; /* NULL for ALARM_ENDS */
	const struct report_client *client;
	const struct report_certificate *certificate, *before;
	const struct report_rule *rule;
};

const char *report_alarm_name(enum report_alarm_kind); /* "fallback" */
/* One sentence or two for people, without the domain's name. */
void report_alarm_print(const struct report_alarm *, int32_t today,
    struct text *);

/* The issuer is one of the public authorities, by its name. */
bool report_is_public_authority(const char *issuer);

#endif
