/*
 * postfix.h - what the checks of a Postfix share: its parameters as they hold
 * for each service, and the lines that change them.
 *
 * Threads: no state.
 */
#ifndef TLSPOLICY_DOCTOR_POSTFIX_H
#define TLSPOLICY_DOCTOR_POSTFIX_H

#include <stdbool.h>

#include "policy/base/text.h"
#include "policy/doctor/doctor.h"
#include "policy/doctor/socket.h"

enum { POSTFIX_OUTPUT_BYTES = 256 * 1024, POSTFIX_SPEC_BYTES = 1200,
	POSTFIX_LIST_BYTES = 2000, POSTFIX_SERVICES_MAX = 256 };

enum postfix_command { POSTFIX_OTHER, POSTFIX_SMTPD, POSTFIX_POSTSCREEN,
	POSTFIX_CLEANUP, POSTFIX_PICKUP, POSTFIX_SMTP };

struct postfix_service {
	struct slice name, type; /* as master.cf has them: "smtp", "inet" */
	enum postfix_command command;
	bool chrooted;
	bool unjudged, tls_broken; /* a finding says why */
};

struct postfix {
	const struct doctor *d;
	const char *dir;
	char main_cf[600], reload[700];
	struct socket_address socket;	/* ours */
	char spec[POSTFIX_SPEC_BYTES];	/* the same, as Postfix had best say it */
	char memory[3][POSTFIX_OUTPUT_BYTES];
	struct text parameters, overrides, lines;
	struct postfix_service services[POSTFIX_SERVICES_MAX];
	unsigned n, left_out; /* the latter: there was no room */
};

/* Runs postconf(1) on p->dir; of *p only that has to be set. */
bool postfix_read(struct postfix *p, struct fault *) MUST_CHECK;

/* Does master.cf have a service of this name that delivers? */
bool postfix_has_transport(const struct postfix *, const char *name);

/* "NAME = VALUE" of main.cf or its default; unset: empty. */
struct slice postfix_parameter(const struct postfix *, const char *name);

/*
 * The same as it holds for a service.  *own: master.cf says it for that service
 * alone; NULL: not asked.
 */
struct slice postfix_value(const struct postfix *,
    const struct postfix_service *, const char *name, bool *own);
bool postfix_is_yes(const struct postfix *, const struct postfix_service *,
    const char *name);

/*
 * The level at which smtp(8) delivers where no map has an answer, and the
 * parameter that says so: older ones count where the new one is empty.
 */
struct slice postfix_level(const struct postfix *,
    const struct postfix_service *, const char **by);

/*
 * One more finding about a parameter of a service, with the line that sets it
 * to `wanted` where it was set, unless another service has led to the same one.
 * NULL: it has.
 */
struct finding *postfix_find(const struct postfix *, struct postfix_service *,
    enum doctor_kind, const char *name, const char *wanted);
/* As postfix_find(), with the caller's words for what was found. */
struct finding *postfix_find_as(const struct postfix *,
    struct postfix_service *, enum doctor_kind, const char *name,
    const char *wanted, const char *what);

/*
 * Postfix opens a path without a slash in front from its queue directory,
 * chrooted or not: what lies there is best written so.
 */
void postfix_put_address(const struct postfix *, const struct socket_address *,
    struct text *);

/* The checks. */
void postfix_feed(struct postfix *);
void postfix_maps(struct postfix *, struct postfix_service *);
void postfix_milters(struct postfix *, struct postfix_service *);
void postfix_tls(struct postfix *, struct postfix_service *);
/* The certificates of smtp(8). */
void postfix_shown_to_servers(struct postfix *, struct postfix_service *);
void postfix_outbound(struct postfix *);
/* What Postfix tells of TLS with servers. */
void postfix_results(struct postfix *);
/* Rules for recipients' domains that another next hop stands before. */
void postfix_relay(struct postfix *);
void postfix_trial(const struct postfix *, const struct postfix_service *);

/*
 * Only mail that this Postfix has judged already comes in there: the way back
 * from a content filter.
 */
bool postfix_is_way_back(const struct postfix *,
    const struct postfix_service *);
/* By its settings; whether its files will do is not looked at. */
bool postfix_offers_tls(const struct postfix *,
    const struct postfix_service *);
/* Where master.cf has it listen: host and port, each empty when not said. */
void postfix_split_name(const struct postfix_service *, struct slice *host,
    struct slice *port);

#endif
