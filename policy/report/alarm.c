/* What changed for the worse, and what will. */
#include <stdlib.h>
#include <string.h>

#include "policy/report/report-internal.h"

enum { ALARMS_MAX = 2000 };

/* Several names that are there from the start are no change. */
#define LEARNING_US (7 * REPORT_DAY_US)


static const char *const names[ALARM_KINDS] = {
	[ALARM_FALLBACK] = "fallback",
	[ALARM_FAILING] = "failing",
	[ALARM_UNVERIFIED] = "unverified",
	[ALARM_ENDS] = "ends",
	[ALARM_ISSUER] = "issuer",
	[ALARM_NAME] = "name",
	[ALARM_RENEWED] = "renewed",
};

/*
 * Operators of authorities in the browsers' root programmes, as they write
 * themselves in O= or CN=.  The programmes ask for hierarchies that serve TLS
 * servers alone, so that the purpose clientAuth went in 2026.
 */
static const char *const authorities[] = { "Let's Encrypt", "ISRG",
	"DigiCert", "GeoTrust", "Thawte", "RapidSSL", "Sectigo", "COMODO",
	"USERTrust", "ZeroSSL", "GlobalSign", "Google Trust Services",
	"GoDaddy", "Starfield", "Amazon", "Entrust", "Actalis", "Buypass",
	"Certum", "Asseco", "SwissSign", "D-Trust", "Telekom Security",
	"T-TeleSec", "HARICA", "QuoVadis", "SSL.com", "SSL Corp", "IdenTrust",
	"Microsoft TLS", "Microsoft Azure", "Certigna", "TrustAsia", "GEANT",
	"Gandi", "WoTrus", "emSign", "SECOM", "Trustwave", "Viking Cloud",
	"Network Solutions" };

static bool
contains(const char *text, const char *word)
{
	size_t n = strlen(word);

	for (; *text != '\0'; text++)
		if (strlen(text) >= n && slice_equal_nocase(
		    slice_make(text, n), slice_make(word, n)))
			return true;
	return false;
}

/* Let's Encrypt's issuers have the CNs R3, R10, E5, YR1, YE2. */
static bool
is_short_name(const char *issuer)
{
	if (*issuer == 'Y')
		issuer++;
	if (*issuer != 'R' && *issuer != 'E')
		return false;
	issuer++;
	return *issuer >= '1' && *issuer <= '9' &&
	    strspn(issuer, "0123456789") == strlen(issuer) &&
	    strlen(issuer) <= 2;
}

bool
report_is_public_authority(const char *issuer)
{
	for (size_t i = 0; i < sizeof authorities / sizeof authorities[0]; i++)
		if (contains(issuer, authorities[i]))
			return true;
	return is_short_name(issuer);
}

const char *
report_alarm_name(enum report_alarm_kind kind)
{
	return names[kind];
}

struct alarms {
	struct report_alarm *list;
	size_t n;
};

static void
add(struct alarms *a, struct report_alarm alarm)
{
	if (a->n < ALARMS_MAX)
		a->list[a->n++] = alarm;
}

static void
of_clients(struct alarms *a, const struct report_domain *d)
{
	for (unsigned i = 0; i < d->nclients; i++) {
		const struct report_client *c = &d->clients[i];
		struct report_alarm alarm = { .domain = d, .client = c };

		if (c->fallback > 0) {
			alarm.kind = ALARM_FALLBACK;
			alarm.time = c->last_fallback;
			alarm.resolved = c->last_tls > c->last_fallback;
			add(a, alarm);
			alarm.resolved = false;
		}
		if (c->unverified > 0) {
			alarm.kind = ALARM_UNVERIFIED;
			alarm.time = c->first_unverified;
			add(a, alarm);
		}
	}
}

static void
of_handshakes(struct alarms *a, const struct report_domain *d)
{
	if (d->failures > 0)
		add(a, (struct report_alarm){ .kind = ALARM_FAILING,
		    .domain = d, .time = d->last_failure,
		    .resolved = d->last_success > d->last_failure });
}

/*
 * The domain's earlier certificate that shares most with this one; NULL: one of
 * them may be the same, and nothing is known to have changed.
 */
static const struct report_certificate *
predecessor(const struct report_domain *d, unsigned i,
    enum report_alarm_kind *kind)
{
	static const enum report_alarm_kind kinds[LIKENESSES] = {
		[LIKE_SAME] = ALARM_KINDS,
		[LIKE_RENEWED] = ALARM_RENEWED,
		[LIKE_OTHER_DN] = ALARM_ISSUER,
		[LIKE_UNTOLD] = ALARM_KINDS,
		[LIKE_OTHER_ISSUER] = ALARM_ISSUER,
		[LIKE_OTHER_NAME] = ALARM_NAME,
	};
	const struct report_certificate *new = &d->certificates[i];
	const struct report_certificate *best = NULL;
	enum report_likeness most = LIKENESSES;

	while (i-- > 0) {
		enum report_likeness likeness = report_compare_certificates(
		    &d->certificates[i], new);

		if (likeness < most) {
			most = likeness;
			best = &d->certificates[i];
		}
	}
	*kind = best == NULL ? ALARM_KINDS : kinds[most];
	return *kind == ALARM_KINDS ? NULL : best;
}

static void
of_certificates(struct alarms *a, const struct report_domain *d)
{
	for (unsigned i = 1; i < d->ncertificates; i++) {
		struct report_alarm alarm = { .domain = d,
			.certificate = &d->certificates[i],
			.time = d->certificates[i].first };

		alarm.before = predecessor(d, i, &alarm.kind);
		if (alarm.before != NULL && (alarm.kind != ALARM_NAME ||
		    alarm.time - d->certificates[0].first > LEARNING_US))
			add(a, alarm);
	}
}

static int
compare(const void *pa, const void *pb)
{
	const struct report_alarm *a = pa, *b = pb;

	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	if (a->resolved != b->resolved)
		return a->resolved ? 1 : -1;
	if (a->time != b->time)
		return a->time < b->time ? 1 : -1;
	return a->domain == NULL || b->domain == NULL ? 0 :
	    strcmp(a->domain->name, b->domain->name);
}

size_t
report_alarms(const struct report *r, struct report_alarm **list)
{
	struct alarms a = { .list = calloc(ALARMS_MAX, sizeof *a.list) };

	*list = a.list;
	if (a.list == NULL)
		return 0;
	for (size_t i = 0; i < r->ndomains; i++) {
		of_clients(&a, r->domains[i]);
		of_handshakes(&a, r->domains[i]);
		of_certificates(&a, r->domains[i]);
	}
	for (size_t i = 0; i < r->nrules; i++) {
		const struct report_rule *rule = r->rules[i];

		if (rule->until != DAY_ALWAYS_UNTIL &&
		    rule->until <= report_today(r) + r->soon)
			add(&a, (struct report_alarm){ .kind = ALARM_ENDS,
			    .rule = rule,
			    .time = rule->until * REPORT_DAY_US });
	}
	qsort(a.list, a.n, sizeof a.list[0], compare);
	return a.n;
}

static void
print_fallback(const struct report_client *c, bool own, struct text *out)
{
	text_printf(out, "%s came in clear after TLS: ", own ? "its hosts" :
	    c->name);
	report_put_number(out, c->fallback);
	text_printf(out, " time%s, first ", c->fallback == 1 ? "" : "s");
	report_put_day(out, c->first_fallback);
	text_puts(out, ", last ");
	report_put_day(out, c->last_fallback);
	if (c->fallback_refused == c->fallback)
		text_puts(out, ", all refused");
	else if (c->fallback_refused > 0) {
		text_puts(out, ", ");
		report_put_number(out, c->fallback_refused);
		text_puts(out, " refused");
	}
	text_puts(out, c->last_tls > c->last_fallback ?
	    ". Back to TLS since." : ". TLS has not come back.");
}

static void
print_failing(const struct report_domain *d, struct text *out)
{
	text_puts(out, "TLS with its servers was wanted and not to be had: ");
	report_put_number(out, d->failures);
	text_printf(out, " time%s, first ", d->failures == 1 ? "" : "s");
	report_put_day(out, d->first_failure);
	text_puts(out, ", last ");
	report_put_day(out, d->last_failure);
	text_printf(out, " (%s).%s", d->failure, d->last_success >
	    d->last_failure ? " It works since." : "");
}

static const char *
verify_reason(enum verify word)
{
	switch (word) {
	case VERIFY_FAIL:
		return "the certificate shown does not verify";
	case VERIFY_NO:
	case VERIFY_NOT:
		return "none is shown";
	case VERIFY_NO_OR_FAIL:
		return "none is shown, or one that does not verify";
	default:
		return "no certificate is verified";
	}
}

static void
print_unverified(const struct report_client *c, bool own, struct text *out)
{
	text_printf(out, "the certificate of %s verified until ", own ?
	    "its hosts" : c->name);
	report_put_day(out, c->last_verified);
	text_puts(out, "; since ");
	report_put_day(out, c->first_unverified);
	text_printf(out, " %s (", verify_reason(c->unverified_word));
	report_put_number(out, c->unverified);
	text_printf(out, " mail%s).", c->unverified == 1 ? "" : "s");
	if (c->issuer == NULL || !report_is_public_authority(c->issuer))
		return;
	text_printf(out, " Its issuer was %s, a public authority: those "
	    "stopped issuing the clientAuth purpose in 2026, and a certificate "
	    "renewed without it no longer verifies as a client's. Agree on a "
	    "private CA, or pin it with an FP item.", c->issuer);
}

static void
print_certificate(const struct report_alarm *a, struct text *out)
{
	const struct report_certificate *c = a->certificate, *b = a->before;

	text_puts(out, "since ");
	report_put_day(out, c->first);
	if (a->kind == ALARM_RENEWED)
		text_printf(out, " a new certificate for %s, same issuer.",
		    c->cn[0] != '\0' ? c->cn : "the same name");
	else if (a->kind == ALARM_ISSUER)
		text_printf(out, " the certificate %s%s is issued by %s; "
		    "before: %s.", c->cn[0] != '\0' ? "of " : "without a name",
		    c->cn, c->issuer, b->issuer);
	else
		text_printf(out, " a certificate with%s%s, issued by "
		    "%s; known before: %s.", c->cn[0] != '\0' ?
		    " the name " : "out a name", c->cn, c->issuer,
		    b->cn[0] != '\0' ? b->cn : "one without a name");
}

void
report_alarm_print(const struct report_alarm *a, int32_t today,
    struct text *out)
{
	bool own = a->client != NULL &&
	    strcmp(a->client->name, a->domain->name) == 0;

	switch (a->kind) {
	case ALARM_FALLBACK:
		print_fallback(a->client, own, out);
		break;
	case ALARM_FAILING:
		print_failing(a->domain, out);
		break;
	case ALARM_UNVERIFIED:
		print_unverified(a->client, own, out);
		break;
	case ALARM_ENDS:
		text_printf(out, "%s %s: %s at the end of ", a->rule->key,
		    a->rule->requirement, a->rule->until < today ? "ended" :
		    "ends");
		day_print(a->rule->until, out);
		text_puts(out, ".");
		break;
	default:
		print_certificate(a, out);
		break;
	}
}
